import { Agent, request, type Dispatcher } from "undici";
import type { KubernetesObject } from "./kubernetes-object.ts";

/** What the API server refused, in its own words. */
export class ApiRefusal extends Error {
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes' reason, such as `Invalid`, `Forbidden` or `NotFound`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "ApiRefusal";
    this.status = status;
    this.reason = reason;
  }
}

export interface ClusterApiOptions {
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  readonly token: string;
}

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

interface Call {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const fieldManager = "test-bed";

/** The test bed's own way to the API server: strict, and as administrator. */
export class ClusterApi {
  readonly #options: ClusterApiOptions;
  readonly #agent: Agent;
  readonly #resources = new Map<string, readonly ApiResource[]>();

  constructor(options: ClusterApiOptions) {
    this.#options = options;
    this.#agent = new Agent({ connect: { ca: options.certificateAuthority }, pipelining: 1 });
  }

  /** @throws ApiRefusal for every status of 400 and above */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is whatever the path holds
  async call(method: Dispatcher.HttpMethod, path: string, options: Call = {}): Promise<any> {
    const url = new URL(path, this.#options.server);
    for (const [key, value] of Object.entries(options.query ?? {})) url.searchParams.set(key, value);
    const answer = await request(url, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.#options.token}`,
        accept: "application/json",
        ...(options.body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode < 400) return text.startsWith("{") ? JSON.parse(text) : text;
    const status = text.startsWith("{") ? (JSON.parse(text) as { reason?: string; message?: string }) : {};
    throw new ApiRefusal(answer.statusCode, status.reason ?? "", status.message ?? text);
  }

  /** Applies an object; a field that the API server does not know is an error. */
  async apply(object: KubernetesObject): Promise<KubernetesObject> {
    return this.call("PATCH", await this.pathOf(object), {
      body: object,
      contentType: "application/apply-patch+yaml",
      query: { fieldManager, fieldValidation: "Strict", force: "true" },
    });
  }

  /** Changes an object by a merge patch. */
  async merge(object: KubernetesObject, patch: unknown, subresource = ""): Promise<KubernetesObject> {
    return this.call("PATCH", (await this.pathOf(object)) + subresource, {
      body: patch,
      contentType: "application/merge-patch+json",
      query: { fieldValidation: "Strict" },
    });
  }

  /** The live object; nothing where it does not exist. */
  async read(object: KubernetesObject): Promise<KubernetesObject | undefined> {
    try {
      return await this.call("GET", await this.pathOf(object));
    } catch (error) {
      if (error instanceof ApiRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All objects of a kind, in one namespace or everywhere. */
  async list(apiVersion: string, kind: string, namespace?: string): Promise<readonly KubernetesObject[]> {
    const { items } = await this.call("GET", await this.#collection(apiVersion, kind, namespace));
    // Lists leave out what their own heading says.
    return (items as readonly object[]).map((item) => ({ ...item, apiVersion, kind }) as KubernetesObject);
  }

  /** Asks for the end of an object and everything it owns; fine where it does not exist. */
  async remove(object: KubernetesObject): Promise<void> {
    try {
      await this.call("DELETE", await this.pathOf(object), { query: { propagationPolicy: "Background" } });
    } catch (error) {
      if (!(error instanceof ApiRefusal && error.status === 404)) throw error;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Path of an object in the API. */
  async pathOf({ apiVersion, kind, metadata }: KubernetesObject): Promise<string> {
    return `${await this.#collection(apiVersion, kind, metadata.namespace)}/${metadata.name}`;
  }

  async #collection(apiVersion: string, kind: string, namespace?: string): Promise<string> {
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const isAsked = (one: ApiResource): boolean => one.kind === kind && !one.name.includes("/");
    // A kind that is not among those known may have been defined since.
    const resource =
      this.#resources.get(root)?.find(isAsked) ?? (await this.#resourcesOf(root)).find(isAsked);
    if (resource === undefined) {
      throw new ApiRefusal(404, "NotFound", `the API server knows no kind ${kind} in ${apiVersion}`);
    }
    const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
    return `${root}${scope}/${resource.name}`;
  }

  async #resourcesOf(root: string): Promise<readonly ApiResource[]> {
    try {
      const { resources } = await this.call("GET", root);
      this.#resources.set(root, resources);
      return resources;
    } catch (error) {
      // An unknown group answers like an unknown object.
      if (error instanceof ApiRefusal && error.status === 404) return [];
      throw error;
    }
  }
}
