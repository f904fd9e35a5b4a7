import { ApiError, type ApiClient } from "./api-client.ts";
import type { ObjectKind } from "./manifest.ts";

/** Where the API server keeps the objects of a kind. */
export interface ApiResource {
  readonly namespaced: boolean;
  /** Path of an object; without a name that of all of them. */
  path(place: { readonly namespace?: string | undefined; readonly name?: string }): string;
}

interface ListedResource {
  readonly kind: string;
  readonly name: string;
  readonly namespaced: boolean;
}

/** Which kinds an API server has. A kind that it does not have is asked for anew every time: it may be defined meanwhile. */
export class Discovery {
  readonly #client: ApiClient;
  readonly #known = new Map<string, ApiResource>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async find({ apiVersion, kind }: ObjectKind): Promise<ApiResource | undefined> {
    const key = `${apiVersion}/${kind}`;
    const known = this.#known.get(key);
    if (known) return known;
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    for (const listed of await this.#list(root)) {
      // A name with a slash is a part of an object, such as its status.
      if (!listed.name.includes("/"))
        this.#known.set(`${apiVersion}/${listed.kind}`, resourceOf(root, listed));
    }
    return this.#known.get(key);
  }

  async #list(root: string): Promise<readonly ListedResource[]> {
    try {
      const answer = (await this.#client.call("GET", root)) as {
        readonly resources: readonly ListedResource[];
      };
      return answer.resources;
    } catch (error) {
      if (ApiError.isNotFound(error)) return [];
      throw error;
    }
  }
}

function resourceOf(root: string, { name: plural, namespaced }: ListedResource): ApiResource {
  return {
    namespaced,
    path: ({ namespace, name }) => {
      const scope =
        namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
      return `${root}${scope}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
    },
  };
}
