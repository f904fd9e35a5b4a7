import { describe, expect, test } from "vitest";
import { graphProblems } from "../../../../platform/engines/dynamo/graph-problems.ts";
import type {
  DynamoGraphDeployment,
  GraphComponent,
} from "../../../../platform/engines/dynamo/graph-types.ts";
import { dynamoEngine, dynamoGroup, dynamoPools, graphOf } from "./graph-fixture.ts";

/** A graph with other components. */
function withComponents(
  graph: DynamoGraphDeployment,
  components: readonly GraphComponent[],
): DynamoGraphDeployment {
  return { ...graph, spec: { ...graph.spec, components } };
}

/** A graph whose workers differ in something. */
function withWorkers(
  graph: DynamoGraphDeployment,
  change: (component: GraphComponent) => GraphComponent,
): DynamoGraphDeployment {
  return withComponents(
    graph,
    graph.spec.components.map((component) => (component.type === "frontend" ? component : change(component))),
  );
}

const graph = graphOf([dynamoGroup({}, { routingPolicy: "kv" })]);

describe("a graph that the operator would take", () => {
  test("has nothing against it", () => {
    expect(graphProblems(graph)).toEqual([]);
    expect(graphProblems(graphOf(dynamoPools()))).toEqual([]);
  });
});

describe("a graph is refused", () => {
  test("without components, which the operator calls ready", () => {
    expect(graphProblems(withComponents(graph, []))).toEqual([
      "not exactly one component of frontends",
      "no component of workers",
    ]);
  });

  test("without anybody who generates", () => {
    const { components } = graphOf(dynamoPools()).spec;
    const without = components.filter(({ type }) => type !== "decode");
    expect(graphProblems(withComponents(graph, without))).toContain("nobody who generates");
  });

  test("with more components than there may be", () => {
    const [frontend, worker] = graph.spec.components;
    const many = Array.from(
      { length: 25 },
      (_, index) => ({ ...worker, name: `worker-${index}` }) as GraphComponent,
    );
    expect(graphProblems(withComponents(graph, [frontend as GraphComponent, ...many]))).toEqual([
      "26 components, of which it takes 25",
    ]);
  });

  test("with names that differ in nothing but case", () => {
    const [frontend, worker] = graph.spec.components;
    const twice = [frontend, worker, { ...worker, name: "Decode" }] as readonly GraphComponent[];
    expect(graphProblems(withComponents(graph, twice))).toEqual([
      "components decode, Decode differ in nothing but case",
    ]);
  });

  test.each(["-decode", "de_code", "d".repeat(64)])("with a component called %s", (name) => {
    expect(graphProblems(withWorkers(graph, (component) => ({ ...component, name })))[0]).toBe(
      `${name}: "${name}" is no name of a component`,
    );
  });

  test("with replicas that both the plan and an adapter own, or neither", () => {
    const expected = "decode: replicas must be the plan's or an adapter's, and never both";
    expect(graphProblems(withWorkers(graph, (one) => ({ ...one, scalingAdapter: {} })))).toEqual([expected]);
    const { replicas: _replicas, ...rest } = graph.spec.components[1] as GraphComponent;
    expect(graphProblems(withWorkers(graph, () => rest))).toEqual([expected]);
  });

  test("with one node that is called several", () => {
    expect(graphProblems(withWorkers(graph, (one) => ({ ...one, multinode: { nodeCount: 1 } })))).toContain(
      "decode: 1 nodes: several nodes are 2 or more",
    );
  });

  test("with a container that the operator would not fill in", () => {
    const renamed = withWorkers(graph, (one) => ({
      ...one,
      podTemplate: {
        ...one.podTemplate,
        spec: {
          ...one.podTemplate.spec,
          containers: [{ ...one.podTemplate.spec.containers[0], name: "vllm" as "main" }],
        },
      },
    }));
    expect(graphProblems(renamed)).toEqual(["decode: not exactly one container called main"]);
  });

  test("with processes on cards that its pods do not have", () => {
    const other = withWorkers(graph, (one) => ({ ...one, multinode: { nodeCount: 2 } }));
    expect(graphProblems(other)).toContain("decode: 4 processes on 8 cards");
  });

  test("with a grace period that ends before the last request", () => {
    const short = withWorkers(graph, (one) => ({
      ...one,
      podTemplate: {
        ...one.podTemplate,
        spec: { ...one.podTemplate.spec, terminationGracePeriodSeconds: 60 },
      },
    }));
    expect(graphProblems(short)).toEqual([
      "decode: 60 s of grace end before 5 s of leaving and 300 s of draining",
    ]);
  });

  test("with blocks that the router does not count in", () => {
    const other = graphOf([dynamoGroup({}, { routingPolicy: "kv", kvBlockSize: 32 })]);
    const mixed = withComponents(graph, [
      graph.spec.components[0] as GraphComponent,
      other.spec.components[1] as GraphComponent,
    ]);
    expect(graphProblems(mixed)).toEqual(["decode: blocks of 32 tokens, and the router counts in 16"]);
  });
});

describe("the name of a graph is refused", () => {
  const named = (name: string, namespace = "models") =>
    graphProblems(graphOf([dynamoGroup({ name })], dynamoEngine({ namespace })));

  test("where labels and Services with it would be longer than Kubernetes takes", () => {
    expect(named("a".repeat(47))).toEqual([]);
    expect(named("a".repeat(48))[0]).toMatch(/^decode's Service would be ".*", 64 characters of at most 63$/);
    expect(named("a".repeat(40), "n".repeat(23))[0]).toMatch(
      /^its namespace's label would be .* 64 characters/,
    );
  });

  test("where Grove would write more than 45 characters, and only where Grove does", () => {
    const spanning = dynamoGroup({ name: "a".repeat(30), gpusPerReplica: 8, nodesPerReplica: 2 });
    expect(graphProblems(graphOf([spanning]))).toEqual([
      expect.stringMatching(/^decode in Grove would be .*, 46 characters/),
    ]);
    const others = dynamoEngine({}, { multiNode: "leader-worker-set" });
    expect(graphProblems(graphOf([spanning], others))).toEqual([]);
    expect(graphProblems(graphOf([{ ...spanning, name: "a".repeat(29) }]))).toEqual([]);
  });
});
