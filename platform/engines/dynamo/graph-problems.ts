import type { DynamoGraphDeployment, GraphComponent } from "./graph-types.ts";
import { frontendServiceName } from "./graph-name.ts";

const componentTypes: readonly string[] = ["frontend", "prefill", "decode", "planner"];
const componentName = /^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$/;
const mostComponents = 25;
/** Names of Services and values of labels. */
const longestName = 63;
/** Of the names of a graph, its component and that component's part, which Grove writes one after the other. */
const longestGroveName = 45;
/** The operator tells releases of workers apart by it. */
const hashSuffix = "-01234567";

/**
 * Why the operator would refuse a graph, or take it and never serve: most of it shows only in its logs, or nowhere. The
 * worst is a graph without components, which it calls ready.
 */
export function graphProblems(graph: DynamoGraphDeployment): string[] {
  const { components } = graph.spec;
  const types = components.map(({ type }) => type);
  return [
    ...(components.length > mostComponents
      ? [`${components.length} components, of which it takes ${mostComponents}`]
      : []),
    ...(types.filter((type) => type === "frontend").length === 1
      ? []
      : ["not exactly one component of frontends"]),
    ...(components.some(isWorker) ? [] : ["no component of workers"]),
    ...(types.includes("prefill") && !types.includes("decode") ? ["nobody who generates"] : []),
    ...repeatedNames(components),
    ...components.flatMap(componentProblems),
    ...nameProblems(graph),
    ...blockProblems(components),
  ];
}

function isWorker({ type }: GraphComponent): boolean {
  return type === "prefill" || type === "decode";
}

function repeatedNames(components: readonly GraphComponent[]): string[] {
  const byName = Map.groupBy(components, ({ name }) => name.toLowerCase());
  return [...byName.values()]
    .filter((same) => same.length > 1)
    .map((same) => `components ${same.map(({ name }) => name).join(", ")} differ in nothing but case`);
}

function componentProblems(component: GraphComponent): string[] {
  const { name, type, podTemplate, multinode, replicas, scalingAdapter } = component;
  const { containers, terminationGracePeriodSeconds } = podTemplate.spec;
  const problems = [
    ...(name.length <= longestName && componentName.test(name)
      ? []
      : [`"${name}" is no name of a component`]),
    ...(componentTypes.includes(type) ? [] : [`no type ${type}`]),
    ...(containers.filter((container) => container.name === "main").length === 1
      ? []
      : ["not exactly one container called main"]),
    ...(multinode && multinode.nodeCount < 2
      ? [`${multinode.nodeCount} nodes: several nodes are 2 or more`]
      : []),
    ...((replicas === undefined) === (scalingAdapter === undefined)
      ? ["replicas must be the plan's or an adapter's, and never both"]
      : []),
    ...graceProblems(component, terminationGracePeriodSeconds),
    ...parallelismProblems(component),
  ];
  return problems.map((problem) => `${name}: ${problem}`);
}

/** A pod that is killed while it drains loses what it drains for. */
function graceProblems(component: GraphComponent, graceSeconds: number): string[] {
  const [main] = component.podTemplate.spec.containers;
  const seconds = (name: string) => Number(main.env.find((variable) => variable.name === name)?.value ?? 0);
  const leave = seconds("DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS");
  const drain = Math.max(
    seconds("DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS"),
    seconds("DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS"),
  );
  return graceSeconds > leave + drain
    ? []
    : [`${graceSeconds} s of grace end before ${leave} s of leaving and ${drain} s of draining`];
}

/** The engine waits for ever for processes on cards that its pods do not have. */
function parallelismProblems(component: GraphComponent): string[] {
  if (!isWorker(component)) return [];
  const { podTemplate, multinode } = component;
  const [main] = podTemplate.spec.containers;
  const size = (...names: readonly string[]) => {
    const at = main.args.findIndex((argument) => names.includes(argument));
    return at < 0 ? 1 : Number(main.args[at + 1]);
  };
  const processes =
    size("--tensor-parallel-size", "--tp-size") * size("--pipeline-parallel-size", "--pp-size");
  const limits = (main["resources"] as { readonly limits?: Readonly<Record<string, string>> } | undefined)
    ?.limits;
  const cards = Object.entries(limits ?? {})
    .filter(([resource]) => resource.startsWith("nvidia.com/"))
    .reduce((sum, [, count]) => sum + Number(count), 0);
  const all = cards * (multinode?.nodeCount ?? 1);
  return processes === all ? [] : [`${processes} processes on ${all} cards`];
}

/** The operator makes names and labels of the graph's, and Kubernetes refuses those that are too long. */
function nameProblems({ metadata, spec }: DynamoGraphDeployment): string[] {
  const { name, namespace, annotations } = metadata;
  const grove =
    spec.components.some(({ multinode }) => multinode) && annotations["nvidia.com/enable-grove"] !== "false";
  const tooLong = (what: string, made: string, longest: number) =>
    made.length > longest
      ? [`${what} would be "${made}", ${made.length} characters of at most ${longest}`]
      : [];
  return [
    ...tooLong("its namespace's label", `${namespace}-${name}`, longestName),
    ...tooLong("its Service", frontendServiceName(name), longestName),
    ...spec.components.flatMap((component) => {
      const own = component.name.toLowerCase();
      return [
        ...(isWorker(component)
          ? tooLong(`${component.name}'s Service`, `${name}-${own}${hashSuffix}`, longestName)
          : []),
        ...(grove
          ? tooLong(
              `${component.name} in Grove`,
              component.multinode ? `${name}${own}${own}-ldr` : `${name}${own}`,
              longestGroveName,
            )
          : []),
      ];
    }),
  ];
}

/** A router that counts in other blocks than the workers never finds a prompt again, and says nothing. */
function blockProblems(components: readonly GraphComponent[]): string[] {
  const blocks = (component: GraphComponent, names: readonly string[]) => {
    const { args } = component.podTemplate.spec.containers[0];
    const at = args.findIndex((argument) => names.includes(argument));
    return at < 0 ? undefined : args[at + 1];
  };
  const router = components
    .filter(({ type }) => type === "frontend")
    .map((component) => blocks(component, ["--kv-cache-block-size"]))
    .find((size) => size !== undefined);
  if (router === undefined) return [];
  return components
    .filter(isWorker)
    .map((component) => ({
      name: component.name,
      size: blocks(component, ["--block-size", "--page-size", "--kv-block-size"]),
    }))
    .filter(({ size }) => size !== router)
    .map(({ name, size }) => `${name}: blocks of ${size} tokens, and the router counts in ${router}`);
}
