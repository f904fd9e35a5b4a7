import {
  Server,
  ServerCredentials,
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { atEnd } from "./at-end.ts";
import { methods } from "../../../../services/proxy/grpc/open-inference-service.ts";

export interface SeenCall {
  readonly method: string;
  readonly message: Buffer;
  readonly metadata: Metadata;
  readonly deadline: number;
}

type Answer = (call: ServerUnaryCall<Buffer, Buffer>) => Promise<Buffer>;

/** An engine that speaks gRPC: it keeps what it saw and answers what the test says. */
export interface FakeEngine {
  readonly port: number;
  readonly url: string;
  readonly seen: SeenCall[];
  readonly cancelled: { count: number };
  answer: Answer;
  stream: (call: ServerDuplexStream<Buffer, Buffer>) => void;
  /** Breaks off everything at once. */
  kill(): void;
}

/** Replicas have one port and several hosts, for which loopback has many addresses. */
export async function startFakeEngine(
  port = 0,
  host = "127.0.0.1",
  security = ServerCredentials.createInsecure(),
): Promise<FakeEngine> {
  const server = new Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const seen: SeenCall[] = [];
  const cancelled = { count: 0 };
  const { ModelInfer, ModelReady, ModelMetadata, ModelConfig, ModelStreamInfer } = methods;
  const engine = {
    seen,
    cancelled,
    answer: ((call) => Promise.resolve(call.request)) as Answer,
    stream: (call: ServerDuplexStream<Buffer, Buffer>): void => {
      call.on("data", (message: Buffer) => call.write(message));
      call.on("end", () => call.end());
    },
    kill: () => server.forceShutdown(),
  };
  const unary =
    (method: string) =>
    (
      call: ServerUnaryCall<Buffer, Buffer>,
      done: (error: { code: number; details: string } | null, answer?: Buffer) => void,
    ): void => {
      const { request: message, metadata } = call;
      seen.push({ method, message, metadata, deadline: Number(call.getDeadline()) });
      call.on("cancelled", () => cancelled.count++);
      engine.answer(call).then(
        (answer) => done(null, answer),
        (error: unknown) => done(error as { code: number; details: string }),
      );
    };
  server.addService(
    { ModelInfer, ModelReady, ModelMetadata, ModelConfig, ModelStreamInfer },
    {
      ModelInfer: unary("ModelInfer"),
      ModelReady: unary("ModelReady"),
      ModelMetadata: unary("ModelMetadata"),
      ModelConfig: unary("ModelConfig"),
      ModelStreamInfer: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("cancelled", () => cancelled.count++);
        call.on("data", (message: Buffer) => {
          const deadline = Number(call.getDeadline());
          seen.push({ method: "ModelStreamInfer", message, metadata: call.metadata, deadline });
        });
        engine.stream(call);
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, security, (error, at) => (error ? reject(error) : resolve(at)));
  });
  atEnd(() => server.forceShutdown());
  // The port of the URL is the one for HTTP, which these tests never contact.
  return Object.assign(engine, { port: bound, url: `http://${host}:1` });
}
