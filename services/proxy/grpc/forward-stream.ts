import { status, type ClientDuplexStream, type ServerDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { ProxyFailure } from "../proxy-failure.ts";
import { answerMetadata } from "./answer-metadata.ts";
import { asFailure, type CallGate } from "./call-gate.ts";
import { EngineStatus, failureOfEngine, statusOf } from "./grpc-status.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { ModelCall, outcomeOf } from "./model-call.ts";
import { readModelRequestFields, withModelVersion, type ModelRequestFields } from "./model-request-fields.ts";
import { methods } from "./open-inference-service.ts";
import { StreamTokens } from "./stream-tokens.ts";
import type { UpstreamClients } from "./upstream-client.ts";
import { upstreamMetadata } from "./upstream-metadata.ts";

type ClientStream = ServerDuplexStream<Buffer, Buffer>;
type EngineStream = ClientDuplexStream<Buffer, Buffer>;

/**
 * One `ModelStreamInfer`. Its first message decides the route; all later ones must be for the same model and version,
 * because they reach the same engine under the same permission. Messages go one at a time in each direction, so that a
 * slow side holds the other back instead of filling memory.
 */
export class StreamForwarder {
  readonly #clients: UpstreamClients;
  readonly #incoming: IncomingCall;
  readonly #client: ClientStream;
  readonly #idleMs: number;
  #first: ModelRequestFields | undefined;
  #modelCall: ModelCall | undefined;
  #engine: EngineStream | undefined;
  #tokens: StreamTokens | undefined;
  #engineError: ServiceError | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** A message went to the engine and nothing has come back since. */
  #answerOwed = false;
  #finished = false;

  private constructor(
    clients: UpstreamClients,
    incoming: IncomingCall,
    client: ClientStream,
    idleMs: number,
  ) {
    this.#clients = clients;
    this.#incoming = incoming;
    this.#client = client;
    this.#idleMs = idleMs;
  }

  /** @param idleMs longest silence, in ms, while the engine owes no answer */
  static handle(clients: UpstreamClients, gate: CallGate, idleMs: number): (client: ClientStream) => void {
    return (client) => {
      new StreamForwarder(clients, gate.incoming(client.metadata), client, idleMs).#start();
    };
  }

  #start(): void {
    const client = this.#client;
    client.on("data", (message: Buffer) => {
      client.pause();
      this.#toEngine(message).then(
        () => client.resume(),
        (error: unknown) => this.#fail(error),
      );
    });
    client.on("end", () => {
      if (this.#engine) this.#engine.end();
      else this.#fail(new ProxyFailure("REQUEST_INVALID", "The stream holds no message."));
    });
    client.on("cancelled", () => this.#fail(new ProxyFailure("CLIENT_CLOSED")));
  }

  async #toEngine(message: Buffer): Promise<void> {
    if (this.#finished) return;
    const arrivedAtMs = performance.now();
    const fields = readModelRequestFields(message);
    const engine = this.#engine ?? (await this.#open(fields));
    const version = this.#versionFor(fields);
    // Further questions do not move the deadline of an answer that is owed: a stuck engine must not be kept waiting on.
    if (!this.#answerOwed) this.#setTimer(this.#modelCall?.route.target.timeoutMs ?? this.#idleMs);
    this.#answerOwed = true;
    this.#tokens?.asked(message, arrivedAtMs);
    const written = Promise.withResolvers<undefined>();
    engine.write(withModelVersion(message, fields, version), () => written.resolve(undefined));
    await written.promise;
    this.#incoming.passedOn(message.length);
  }

  #setTimer(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new ProxyFailure("DEADLINE_EXCEEDED")), ms);
  }

  #versionFor(fields: ModelRequestFields): string {
    const version = this.#modelCall?.route.version ?? "";
    const sameVersion = fields.version === this.#first?.version || fields.version === version;
    if (fields.modelName !== this.#first?.modelName || !sameVersion) {
      throw new ProxyFailure(
        "REQUEST_INVALID",
        "All messages of a stream must be for one model and version.",
      );
    }
    return version;
  }

  async #open(fields: ModelRequestFields): Promise<EngineStream> {
    this.#first = fields;
    const modelCall = await ModelCall.begin(this.#clients, this.#incoming, fields);
    this.#modelCall = modelCall;
    if (this.#finished || this.#incoming.ended) {
      modelCall.release("cancelled");
      throw new ProxyFailure("CLIENT_CLOSED");
    }
    this.#tokens = new StreamTokens(this.#incoming.served.tokenTimes());
    const metadata = upstreamMetadata(this.#incoming);
    const deadline = Number(this.#client.getDeadline());
    const engine = modelCall.client.stream(methods.ModelStreamInfer, metadata, deadline);
    this.#engine = engine;
    engine.on("data", (answer: Buffer) => this.#toClient(engine, answer));
    engine.on("error", (error: ServiceError) => {
      this.#engineError = error;
    });
    // Comes after the last answer was read, unlike the status.
    engine.on("end", () => {
      if (this.#engineError) this.#fail(failureOfEngine(this.#engineError));
      else this.#finish();
    });
    this.#client.sendMetadata(answerMetadata(this.#incoming, modelCall.route));
    return engine;
  }

  #toClient(engine: EngineStream, answer: Buffer): void {
    if (this.#finished) return;
    const nowMs = performance.now();
    this.#incoming.firstAnswerAtMs ??= nowMs;
    this.#tokens?.answered(answer, nowMs);
    this.#incoming.answerBytes += answer.length;
    this.#answerOwed = false;
    // Also ends a client that leaves an answer unread.
    this.#setTimer(this.#idleMs);
    engine.pause();
    this.#client.write(answer, () => engine.resume());
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#modelCall?.release("answered");
    this.#client.end();
  }

  #fail(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    const failure = error instanceof EngineStatus ? error : asFailure(error);
    if (failure instanceof ProxyFailure) this.#incoming.failure ??= failure;
    this.#modelCall?.release(outcomeOf(failure, this.#incoming, this.#modelCall.route));
    this.#engine?.cancel();
    const ended = statusOf(failure, this.#incoming.requestId);
    if (ended.code !== status.CANCELLED) this.#client.emit("error", ended);
  }
}
