import { json, startEngine } from "../testbed.ts";

export interface ExportedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: number;
    readonly doubleValue?: number;
  };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ExportedSpan, "attributes"> & {
        readonly attributes: readonly OtlpAttribute[];
      })[];
    }[];
  }[];
}

export interface Collector {
  readonly url: string;
  /** All that came so far as text: URL, headers and body of each request. */
  text(): string;
  spans(): readonly ExportedSpan[];
  resource(): Readonly<Record<string, unknown>>;
}

/** A real HTTP server that takes spans by OTLP, as JSON. */
export async function startCollector(status = 200): Promise<Collector> {
  const { url, received } = await startEngine((_received, response) => json(response, status, {}));
  const requests = (): OtlpRequest[] =>
    received
      .filter(({ url: path }) => path === "/v1/traces")
      .map(({ body }) => JSON.parse(body.toString()) as OtlpRequest);
  return {
    url,
    text: () =>
      received
        .map(({ url: path, headers, body }) => `${path}\n${JSON.stringify(headers)}\n${body.toString()}`)
        .join("\n"),
    spans: () =>
      requests()
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map((span) => ({ ...span, attributes: valuesOf(span.attributes) })),
    resource: () => valuesOf(requests()[0]?.resourceSpans[0]?.resource.attributes ?? []),
  };
}

function valuesOf(attributes: readonly OtlpAttribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.doubleValue]),
  );
}
