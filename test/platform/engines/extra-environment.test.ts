import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedEnvironment } from "../../../platform/engines/extra-environment.ts";

const reserved = { HOME: "is the scratch volume", "LWS_*": "is set by the LeaderWorkerSet" };
const refused = (environment: Record<string, unknown>) =>
  refusedEnvironment(environment, reserved).map(({ name }) => name);

describe("the environment of an engine", () => {
  test("takes settings in clear and secrets by reference", () => {
    expect(
      refused({
        NCCL_DEBUG: "INFO",
        TOKENIZERS_PARALLELISM: "false",
        MAX_TOKENS: "4096",
        SORT_KEY: "name",
        HF_TOKEN: { secret: "hub", key: "token" },
        DB_PASSWORD: { secret: "db", key: "password" },
        LD_PRELOAD: "/usr/lib/libtcmalloc.so",
        _X: "",
      }),
    ).toEqual([]);
  });

  test("is refused with the reason where the engine or Kubernetes sets it", () => {
    expect(refusedEnvironment({ HOME: "/root", LWS_GROUP_SIZE: "3" }, reserved)).toEqual([
      { name: "HOME", reason: "is the scratch volume" },
      { name: "LWS_GROUP_SIZE", reason: "is set by the LeaderWorkerSet" },
    ]);
    expect(refused({ HOMEPAGE: "x", MY_HOME: "x", LW: "x" })).toEqual([]);
  });

  test("is refused even from a secret where it is reserved", () => {
    expect(refused({ HOME: { secret: "a", key: "b" } })).toEqual(["HOME"]);
  });

  test("cannot show a replica other GPUs than its own, nor take its role away, on any engine", () => {
    const names = [
      "NVIDIA_VISIBLE_DEVICES",
      "CUDA_VISIBLE_DEVICES",
      "AWS_ROLE_ARN",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
    ];
    expect(
      refusedEnvironment(Object.fromEntries(names.map((name) => [name, "x"])), {}).map((one) => one.name),
    ).toEqual(names);
  });

  test.each([
    "HF_TOKEN",
    "hf_token",
    "TOKEN",
    "CLIENT_SECRET",
    "DB_PASSWORD",
    "PASSWD",
    "KEY_PASSPHRASE",
    "OPENAI_API_KEY",
    "APIKEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "TLS_PRIVATE_KEY",
    "GCP_CREDENTIALS",
    "AZURE_STORAGE_ACCOUNT_KEY",
  ])("never holds a secret in clear: %s", (name) => {
    expect(refusedEnvironment({ [name]: "value" }, reserved)).toEqual([
      {
        name,
        reason: "would show a secret to everyone who can read the spec or the pod",
        allowed: "{secret: <name>, key: <key>} of a Secret in the engine's namespace",
      },
    ]);
  });

  test("may hold the place of a secret", () => {
    expect(refused({ TOKEN_FILE: "/run/token", API_KEY_PATH: "/run/key", SECRET_DIR: "/run" })).toEqual([]);
  });

  test("never holds an address with a password", () => {
    expect(refused({ HTTPS_PROXY: "http://user:word@proxy:3128" })).toEqual(["HTTPS_PROXY"]);
    expect(refused({ HTTPS_PROXY: "http://proxy:3128", OTHER: "http://user@host/a:b@c" })).toEqual([]);
  });

  test.each(["1A", "A-B", "A.B", "A B", "", "Ä"])("has names that every program takes, unlike %j", (name) => {
    expect(refusedEnvironment({ [name]: "x" }, reserved)).toEqual([
      {
        name,
        reason: "has a name that not every program takes",
        allowed: "letters, digits and underscores, beginning with none of the digits",
      },
    ]);
  });

  test("is judged one variable at a time, whatever stands beside it", () => {
    const name = fc.constantFrom("A", "HF_TOKEN", "HOME", "LWS_X", "1", "B_KEY", "API_KEY", "TOKEN_FILE");
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), (environment) => {
        const alone = Object.entries(environment).flatMap(([key, value]) => refused({ [key]: value }));
        expect(refused(environment)).toEqual(alone);
      }),
    );
  });
});
