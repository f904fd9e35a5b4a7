import { Agent, request, type Dispatcher } from "undici";
import type { ClusterAccess } from "./cluster-access.ts";

/** What the API server answered to a call that it refused. */
export class ApiError extends Error {
  readonly statusCode: number;
  /** Such as `NotFound`, `AlreadyExists` or `Invalid`; empty where the answer says none. */
  readonly reason: string;
  /** The object that the answer is about, such as the namespace that is not there. */
  readonly about: { readonly kind?: string; readonly name?: string };

  constructor(statusCode: number, status: ApiStatus) {
    super(status.message ?? `the API server answered ${statusCode}`);
    this.statusCode = statusCode;
    this.reason = status.reason ?? "";
    this.about = status.details ?? {};
  }

  static isNotFound(error: unknown): error is ApiError {
    return error instanceof ApiError && error.statusCode === 404;
  }
}

interface ApiStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly kind?: string; readonly name?: string };
}

export interface ApiCall {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

const requestTimeoutMillis = 60_000;
/** The server asks to come back later while it starts or is overrun. */
const tooManyRequestsRetries = 10;

/** Calls an API server. */
export class ApiClient {
  readonly #access: ClusterAccess;
  readonly #agent: Agent;

  constructor(access: ClusterAccess) {
    this.#access = access;
    this.#agent = new Agent({
      headersTimeout: requestTimeoutMillis,
      bodyTimeout: requestTimeoutMillis,
      connect: {
        rejectUnauthorized: access.verifiesServer,
        ...(access.certificateAuthority === undefined ? {} : { ca: access.certificateAuthority }),
        ...(access.clientCertificate === undefined ? {} : { cert: access.clientCertificate }),
        ...(access.clientKey === undefined ? {} : { key: access.clientKey }),
      },
    });
  }

  /** The answer, as JSON. @throws ApiError */
  async call(method: Dispatcher.HttpMethod, path: string, call: ApiCall = {}): Promise<unknown> {
    const token = await this.#access.bearerToken();
    for (let attempt = 0; ; attempt++) {
      const response = await request(new URL(path, this.#access.server), {
        method,
        dispatcher: this.#agent,
        ...(call.query === undefined ? {} : { query: call.query }),
        headers: {
          accept: "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(call.body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      const answer = await response.body.text();
      if (response.statusCode < 300) return JSON.parse(answer) as unknown;
      if (response.statusCode === 429 && attempt < tooManyRequestsRetries) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        continue;
      }
      throw new ApiError(response.statusCode, statusOf(answer));
    }
  }
}

function statusOf(answer: string): ApiStatus {
  try {
    return JSON.parse(answer) as ApiStatus;
  } catch {
    return { message: answer.trim() };
  }
}
