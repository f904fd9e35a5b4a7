import { describe, expect, it } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { parseRoutes } from "../../../services/proxy/routes-file.ts";
import { table, target, tritonServer, vllmServer } from "./testbed.ts";

describe("the routing file", () => {
  const problemsOf = (text: string) => {
    try {
      parseRoutes(text, "routes.yaml");
      return [];
    } catch (error) {
      if (PlatformError.is(error)) return error.problems;
      throw error;
    }
  };

  it("may be JSON or YAML", () => {
    const routes = table(tritonServer(["http://tabular:8000"]), vllmServer(["https://chat:8000/base"]));
    expect(parseRoutes(JSON.stringify(routes), "routes.json")).toEqual(routes);
    expect(
      parseRoutes("apiVersion: domino-inference/v1\nkind: RoutingTable\nservers: []\n", "routes.yaml"),
    ).toEqual(table());
  });

  it("reports every problem at once, each with its path", () => {
    const server = tritonServer(["http://user:pass@a", "ftp://b", "http://c/", "not a url"]);
    const problems = problemsOf(
      JSON.stringify({
        ...table(server, { ...vllmServer([]), loading: "on-demand" }),
        kind: "Routes",
        extra: 1,
      }),
    );
    expect(problems.every(({ code }) => code === "ROUTES_INVALID")).toBe(true);
    const endpoints = "servers[0].models[0].versions[0].targets[0].endpoints";
    expect(problems.map(({ path }) => path).toSorted()).toEqual(
      [
        undefined,
        "kind",
        `${endpoints}[0]`,
        `${endpoints}[1]`,
        `${endpoints}[2]`,
        `${endpoints}[3]`,
        "servers[1].loading",
      ].toSorted(),
    );
  });

  it.each([
    [
      "weights that do not add up to 100",
      { versions: [{ version: "1", weight: 50, targets: [] }] },
      "servers[0].models[0].versions",
    ],
    [
      "a deadline beyond what a timer can hold",
      { versions: [{ version: "1", weight: 100, targets: [target([], { timeoutMs: 2 ** 31 })] }] },
      "servers[0].models[0].versions[0].targets[0].timeoutMs",
    ],
    ["a name with a line break", { name: "a\nb" }, "servers[0].models[0].name"],
  ])("refuses %s", (_what, change, path) => {
    const server = tritonServer([]);
    const models = [{ ...server.models[0], ...change }];
    expect(problemsOf(JSON.stringify(table({ ...server, models } as typeof server)))).toMatchObject([
      { path },
    ]);
  });

  it("refuses names that are listed twice", () => {
    expect(problemsOf(JSON.stringify(table(tritonServer([]), tritonServer([]))))).toMatchObject([
      { path: "servers[1]", message: `routes.yaml: "tabular" is listed twice` },
    ]);
  });

  describe("with service classes", () => {
    const anyModel = target([], { serviceClasses: ["Gold", "Free"] });
    const server = tritonServer([], { anyModel });

    it("refuses one that a target serves and the table leaves out, as it would have no place in the order", () => {
      const message = (name: string, known: string) =>
        `routes.yaml: "${name}" is not in the table's serviceClasses [${known}]`;
      expect(problemsOf(JSON.stringify({ ...table(server), serviceClasses: ["Gold"] }))).toEqual([
        {
          code: "ROUTES_INVALID",
          message: message("Free", "Gold"),
          path: "servers[0].models[0].versions[0].targets[0].serviceClasses[0]",
        },
        {
          code: "ROUTES_INVALID",
          message: message("Free", "Gold"),
          path: "servers[0].anyModel.serviceClasses[1]",
        },
      ]);
      expect(problemsOf(JSON.stringify({ ...table(server), serviceClasses: [] }))).toHaveLength(3);
    });

    it("accepts ones that no target serves, and tables that leave the order open", () => {
      expect(
        problemsOf(JSON.stringify({ ...table(server), serviceClasses: ["Premium", "Gold", "Free"] })),
      ).toEqual([]);
      expect(problemsOf(JSON.stringify(table(server)))).toEqual([]);
    });

    it("refuses one that is listed twice, in the table or at a target", () => {
      const twice = { ...server, anyModel: { ...anyModel, serviceClasses: ["Free", "Gold", "Free"] } };
      expect(
        problemsOf(JSON.stringify({ ...table(twice), serviceClasses: ["Gold", "Free", "Gold"] })),
      ).toMatchObject([
        { path: "serviceClasses[2]", message: `routes.yaml: "Gold" is listed twice` },
        { path: "servers[0].anyModel.serviceClasses[2]", message: `routes.yaml: "Free" is listed twice` },
      ]);
    });
  });

  it.each([
    ["callerRate", "callerRate"],
    ["keyRate", "keyRate"],
    ["rate", "servers[0].models[0].rate"],
  ])("refuses a %s that limits nothing", (key, path) => {
    const server = tritonServer([]);
    const routes =
      key === "rate"
        ? table({ ...server, models: server.models.map((model) => ({ ...model, rate: {} })) })
        : { ...table(server), [key]: {} };
    expect(problemsOf(JSON.stringify(routes))).toEqual([
      {
        code: "ROUTES_INVALID",
        message: "routes.yaml: expected requestsPerMinute, tokensPerMinute or both",
        path,
      },
    ]);
  });

  it("refuses YAML aliases, which can expand without bound", () => {
    const text =
      "apiVersion: domino-inference/v1\nkind: &k RoutingTable\nservers: []\nserviceClasses: [*k]\n";
    expect(problemsOf(text)).toMatchObject([{ message: "routes.yaml: must not use YAML aliases" }]);
  });

  it("refuses what is not YAML and what is too large", () => {
    expect(problemsOf("a: [")).not.toHaveLength(0);
    expect(problemsOf(`# ${"x".repeat(1024 * 1024)}`)).toMatchObject([
      { message: "routes.yaml: is larger than 1 MiB" },
    ]);
  });
});
