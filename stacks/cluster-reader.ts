import type { KubeConfig } from "@kubernetes/client-node";
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "./providers.ts";

/** What the program asks of a cluster before its first resource. */
export interface ClusterReader {
  /** Labels of a namespace; undefined where there is none. */
  namespaceLabels(name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Whether there is a CustomResourceDefinition of this name. */
  isDefined(name: string): Promise<boolean>;
  /** Images of the containers of every Deployment. */
  deploymentImages(): Promise<readonly string[]>;
}

/** Why a cluster could not be read. Its text holds no part of a kubeconfig, of a credential or of an answer. */
export class ClusterReadFailure extends Error {
  override readonly name = "ClusterReadFailure";
}

/** Deployments in one answer: some MiB at most. */
const pageLimit = 250;

/** Definitions come without their schemas, which for some kinds are larger than a MiB. */
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/**
 * Reads from the API server that the stack deploys to, with the caller's own rights.
 *
 * @param signal ends what is under way
 * @throws ClusterReadFailure, as all that it reads
 */
export async function openCluster(access: ClusterAccess, signal: AbortSignal): Promise<ClusterReader> {
  // Only where something is asked: the client takes half a second and 90 MB.
  const client = await import("@kubernetes/client-node");
  const config = await loadedConfig(new client.KubeConfig(), access);
  // Here and not in the first request, for another message; the client keeps the token.
  await config.applyToHTTPSOptions({}).catch(() => {
    throw new ClusterReadFailure("the kubeconfig gives no credentials: the command it names for them failed");
  });
  const options = (accept: string) => {
    const header = client.setHeaderMiddleware("Accept", accept);
    const middleware: typeof header = {
      pre: (request) => {
        request.setSignal(signal);
        return header.pre(request);
      },
      post: (response) => header.post(response),
    };
    return { middleware: [middleware], middlewareMergeStrategy: "append" as const };
  };
  const core = config.makeApiClient(client.CoreV1Api);
  const extensions = config.makeApiClient(client.ApiextensionsV1Api);
  const apps = config.makeApiClient(client.AppsV1Api);
  return {
    namespaceLabels: async (name) => {
      const what = `namespace ${name}`;
      const found = await answerTo(what, () => core.readNamespace({ name }, options("application/json")));
      return found && { ...known(found.metadata, what).labels };
    },
    isDefined: async (name) => {
      const what = `CustomResourceDefinition ${name}`;
      const found = await answerTo(what, () =>
        extensions.readCustomResourceDefinition({ name }, options(metadataOnly)),
      );
      return found !== undefined && known(found.metadata, what).name === name;
    },
    deploymentImages: async () => {
      const what = "Deployments of all namespaces";
      const images: string[] = [];
      let next: string | undefined;
      do {
        const query = { limit: pageLimit, ...(next === undefined ? {} : { _continue: next }) };
        const page = known(
          await answerTo(what, () => apps.listDeploymentForAllNamespaces(query, options("application/json"))),
          what,
        );
        for (const { spec } of known(page.items, what)) {
          images.push(...(spec?.template.spec?.containers ?? []).flatMap(({ image }) => image ?? []));
        }
        // The last page says the empty text.
        next = page.metadata?._continue || undefined;
      } while (next !== undefined);
      return images;
    },
  };
}

async function loadedConfig(config: KubeConfig, access: ClusterAccess): Promise<KubeConfig> {
  const text = "kubeconfig" in access ? await plainText(access.kubeconfig) : undefined;
  if ("kubeconfig" in access && text === undefined) {
    throw new ClusterReadFailure("how the cluster is reached is not known in a preview");
  }
  try {
    if (text === undefined) config.loadFromDefault();
    else config.loadFromString(text);
  } catch {
    // The parser's own message quotes the file.
    throw new ClusterReadFailure("the kubeconfig cannot be read");
  }
  if ("context" in access) {
    if (!config.getContextObject(access.context)) {
      throw new ClusterReadFailure(`this machine's kubeconfig has no context "${access.context}"`);
    }
    config.setCurrentContext(access.context);
  }
  if (!config.getCurrentCluster()?.server) {
    throw new ClusterReadFailure("nothing says at which address the cluster is");
  }
  return config;
}

/** The text behind an Output; undefined where a preview does not know it. */
async function plainText(output: pulumi.Output<string>): Promise<string | undefined> {
  try {
    // Unlike what is applied to it, it ends also where the value is unknown.
    return await (output as unknown as { promise(): Promise<string | undefined> }).promise();
  } catch {
    throw new ClusterReadFailure("how the cluster is reached was not answered by AWS");
  }
}

/** What the API server answers; undefined where what is asked for does not exist. */
async function answerTo<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === 404) return undefined;
    throw new ClusterReadFailure(failureText(what, error, code), { cause: error });
  }
}

/** Codes alone: messages quote headers and bodies. */
function failureText(what: string, error: unknown, code: unknown): string {
  if (code === 401) return "the API server does not accept the caller's credentials (status 401)";
  if (code === 403) return `the caller may not read ${what} (status 403)`;
  if (typeof code === "number") return `the API server answered the question for ${what} with status ${code}`;
  if (error instanceof SyntaxError) return unknownForm(what);
  const cause = (error as { readonly cause?: { readonly code?: unknown } }).cause?.code;
  const reason = typeof cause === "string" && /^[A-Z_]+$/.test(cause) ? ` (${cause})` : "";
  return `the API server cannot be reached${reason}`;
}

function known<T>(value: T | null | undefined, what: string): T {
  if (value === undefined || value === null) throw new ClusterReadFailure(unknownForm(what));
  return value;
}

function unknownForm(what: string): string {
  return `the API server's answer to the question for ${what} has an unknown form`;
}
