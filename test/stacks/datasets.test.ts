import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { resolveDatasets, type DatasetLookup } from "../../stacks/datasets.ts";
import { clusterSpec } from "../components/support/cluster-spec.ts";

const given = "5d0c1d3e-1111-4222-8333-444455556666";
const found = "0f7c3a52-2222-4333-9444-555566667777";
const key = "k-e-y-0123456789";
const snapshotId = "64a0c0ffee0123456789abcd";

/** A Domino that answers as its API specification says, unless a test changes an answer. */
let server: Server;
let host: string;
let requests: IncomingMessage[];
let answers: Record<string, (response: ServerResponse) => void>;

const json = (body: unknown) => (response: ServerResponse) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
};
const status =
  (code: number, body = "") =>
  (response: ServerResponse) => {
    response.statusCode = code;
    response.end(body);
  };
const dataset = (name: string, snapshot: string, projectInfo?: object) => ({
  datasetRwDto: { id: "1".repeat(24), name, readWriteSnapshotId: snapshot, snapshotIds: [snapshot] },
  ...(projectInfo ? { projectInfo } : {}),
});
const list = "/v4/datasetrw/datasets-v2";
const snapshot = `/v4/datasetrw/snapshot/${snapshotId}`;

beforeEach(async () => {
  requests = [];
  answers = {
    [list]: json([dataset("other", "f".repeat(24)), dataset("Fraud_Models", snapshotId)]),
    [snapshot]: json({
      snapshot: { id: snapshotId, isReadWrite: true, resourceId: found },
      isReadWrite: true,
    }),
  };
  server = createServer((request, response) => {
    requests.push(request);
    (answers[request.url ?? ""] ?? status(404))(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function unresolvedSpec() {
  return clusterSpec([`, resourceId: ${given}`, ""], ["domino:\n", `domino:\n  apiHost: ${host}/\n`]);
}

function resolve(lookup: Partial<DatasetLookup> = {}) {
  return resolveDatasets(unresolvedSpec(), { dominoApiKey: key, offline: false, ...lookup });
}

async function refusal(lookup: Partial<DatasetLookup> = {}): Promise<string> {
  const error = await resolve(lookup).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!PlatformError.is(error)) throw new Error("the dataset was resolved");
  expect(error.problems).toMatchObject([{ code: "STACK_DATASET_UNRESOLVED", path: "domino.datasets" }]);
  const text = [error.message, error.stack, String(error.cause)].join("\n");
  expect(text).not.toContain(key);
  expect(error.message).toContain('dataset "Fraud_Models" of risk/fraud');
  return error.message;
}

describe("a dataset", () => {
  test("with an id in the spec is asked about nowhere", async () => {
    expect(await resolveDatasets(clusterSpec(), { offline: true })).toEqual(
      new Map([["Fraud_Models", given]]),
    );
    expect(requests).toEqual([]);
  });

  test("without one is found by its name, its snapshot and the snapshot's resource, with the key", async () => {
    expect(await resolve()).toEqual(new Map([["Fraud_Models", found]]));
    expect(requests.map((request) => [request.url, request.headers["x-domino-api-key"]])).toEqual([
      [list, key],
      [snapshot, key],
    ]);
  });

  test("is found in the answers of older versions of Domino", async () => {
    answers[snapshot] = json({ snapshot: { id: snapshotId, resource: { resourceId: found } } });
    expect(await resolve()).toEqual(new Map([["Fraud_Models", found]]));
  });

  test("is told by owner and project from others of its name", async () => {
    answers[list] = json([
      dataset("Fraud_Models", "e".repeat(24), { projectName: "fraud", ownerUsername: "somebody" }),
      dataset("Fraud_Models", snapshotId, { projectName: "fraud", ownerUsername: "risk" }),
    ]);
    expect(await resolve()).toEqual(new Map([["Fraud_Models", found]]));
  });

  test("whose name is ambiguous is refused, never guessed", async () => {
    answers[list] = json([dataset("Fraud_Models", "e".repeat(24)), dataset("Fraud_Models", snapshotId)]);
    expect(await refusal()).toContain("no dataset of this name in risk/fraud");
  });

  test("that Domino does not have is refused", async () => {
    answers[list] = json([]);
    expect(await refusal()).toContain("no dataset of this name in risk/fraud");
  });

  test.each([
    ["offline", { offline: true }, "offline it cannot be looked up"],
    ["without a key", { dominoApiKey: undefined }, "the stack has no dominoApiKey"],
  ])("%s is refused and nobody is asked", async (_case, lookup, reason) => {
    const { dominoApiKey, offline = false } = { dominoApiKey: key, ...lookup } as {
      dominoApiKey?: string | undefined;
      offline?: boolean;
    };
    const error = await resolveDatasets(unresolvedSpec(), {
      offline,
      ...(dominoApiKey === undefined ? {} : { dominoApiKey }),
    }).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toContain(reason);
    expect(requests).toEqual([]);
  });

  const askedAt = (apiHost: string) =>
    resolveDatasets(
      clusterSpec([`, resourceId: ${given}`, ""], ["domino:\n", `domino:\n  apiHost: "${apiHost}"\n`]),
      { dominoApiKey: key, offline: false },
    ).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );

  describe("and the key", () => {
    afterEach(() => {
      vi.unstubAllGlobals();
    });

    test.each([
      "http://domino.example.com",
      "http://svc.example.com",
      "http://domino.svc.cluster.local.example.com",
      "http://localhost.example.com",
      "http://127.0.0.1.example.com",
      "http://10.0.0.5:8080/",
      "http://nucleus-frontend.domino-platform:80",
    ])("is sent to nobody over %s, where others could read it", async (apiHost) => {
      const asked = vi.fn();
      vi.stubGlobal("fetch", asked);
      const error = await askedAt(apiHost);
      expect(asked).not.toHaveBeenCalled();
      const { hostname } = new URL(apiHost);
      expect(error).toMatchObject({
        name: "PlatformError",
        problems: [
          {
            code: "STACK_DATASET_UNRESOLVED",
            path: "domino.datasets",
            message: `dataset "Fraud_Models" of risk/fraud: it has no resourceId, and domino.apiHost asks ${hostname} over http, which would send the API key in clear`,
            remedy:
              "Write domino.apiHost with https://, or give resourceId in the spec. Plain http is for loopback and for Services of the cluster (*.svc, *.svc.cluster.local).",
          },
        ],
      });
      expect(String(error)).not.toContain(key);
    });

    test.each([
      "https://domino.example.com",
      "http://nucleus-frontend.domino-platform.svc",
      "http://nucleus-frontend.domino-platform.svc.cluster.local:80",
      "http://nucleus-frontend.domino-platform.svc.cluster.local.",
      "http://localhost:8080",
      "http://127.0.0.2",
      "http://[::1]:8080",
    ])("is sent over %s", async (apiHost) => {
      const asked = vi.fn((url: string, _request: RequestInit) =>
        Promise.resolve(
          Response.json(
            url.endsWith(list)
              ? [dataset("Fraud_Models", snapshotId)]
              : { snapshot: { id: snapshotId, resourceId: found } },
          ),
        ),
      );
      vi.stubGlobal("fetch", asked);
      expect(await askedAt(apiHost)).toBeUndefined();
      expect(asked.mock.calls.map(([url]) => url)).toEqual([`${apiHost}${list}`, `${apiHost}${snapshot}`]);
    });
  });

  test("of a platform that names no Domino API is refused", async () => {
    const spec = clusterSpec([`, resourceId: ${given}`, ""]);
    await expect(resolveDatasets(spec, { dominoApiKey: key, offline: false })).rejects.toThrow(
      "the spec has no domino.apiHost",
    );
  });
});

describe("Domino's API", () => {
  test.each([401, 403])("that refuses the key (%i) is reported without it", async (code) => {
    answers[list] = status(code, key);
    expect(await refusal()).toContain(`Domino refused the key (status ${code})`);
  });

  test("that fails is reported with request and status, without its body", async () => {
    answers[snapshot] = status(500, `secret body ${key}`);
    const message = await refusal();
    expect(message).toContain(`GET ${snapshot} with status 500`);
    expect(message).not.toContain("secret body");
  });

  test.each([
    ["no JSON", status(200, "<html>")],
    ["another form", json({ datasets: [] })],
  ])("that answers in %s is reported", async (_case, answer) => {
    answers[list] = answer;
    expect(await refusal()).toContain(`answer to GET ${list} has an unknown form`);
  });

  test("that names a resource which is no UUID is not believed: it becomes a path", async () => {
    answers[snapshot] = json({ snapshot: { resourceId: "../../etc" } });
    expect(await refusal()).toContain("unknown form");
  });

  test("that redirects is not followed, since the key would go with the request", async () => {
    answers[list] = (response) => {
      response.setHeader("location", "/elsewhere");
      status(302)(response);
    };
    expect(await refusal()).toContain("with status 302");
    expect(requests.map(({ url }) => url)).toEqual([list]);
  });

  test("that does not answer in time is given up", async () => {
    answers[list] = () => {};
    expect(await refusal({ timeoutMs: 50 })).toContain(`did not answer GET ${list} within 50 ms`);
  });

  test("that cannot be reached is reported with its address", async () => {
    const closed = host;
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    expect(await refusal()).toContain(`cannot be reached at ${closed}`);
    server.listen(0);
  });
});
