import { Agent, request as sendRequest } from "undici";
import { seededRandom, type Random } from "../../../optimizer/simulation/random.ts";
import { realClock } from "../../../services/emulator/engine/clock.ts";
import { startPoissonArrivals } from "../../../services/emulator/load/poisson-arrivals.ts";

/** One answer as its client saw it, in ms of one clock. */
export interface SeenAnswer<Sent extends Post> {
  readonly post: Sent;
  readonly sentMillis: number;
  /** First and last byte of the body. */
  readonly firstByteMillis: number;
  readonly lastByteMillis: number;
  readonly status: number;
  readonly body: string;
}

/** A POST of JSON. */
export interface Post {
  readonly path: string;
  readonly body: unknown;
}

/** Requests that are on their way at once, at most. */
const connections = 200;

/** Sends requests at the times of a Poisson process, whatever becomes of those before, and waits for all answers. */
export async function sendOpenLoop<Sent extends Post>(options: {
  readonly endpoint: string;
  readonly ratePerSecond: number;
  readonly forMillis: number;
  readonly seed: number;
  readonly newPost: (random: Random) => Sent;
}): Promise<readonly SeenAnswer<Sent>[]> {
  const { endpoint, ratePerSecond, forMillis, seed, newPost } = options;
  const agent = new Agent({ connections, pipelining: 1 });
  try {
    // Connections and compiled code belong to no model: the first requests must not pay for them.
    await Promise.all(
      Array.from({ length: 32 }, () =>
        exchange(
          agent,
          endpoint,
          newPost(() => 0),
        ),
      ),
    );
    const random = seededRandom(seed, "requests");
    const answers: Promise<SeenAnswer<Sent>>[] = [];
    const send = (): void => {
      const answer = exchange(agent, endpoint, newPost(random));
      // Failures show when all answers are awaited.
      answer.catch(() => {});
      answers.push(answer);
    };
    const arrivalsRandom = seededRandom(seed, "arrivals");
    const end = startPoissonArrivals(ratePerSecond * 60, arrivalsRandom, realClock, send);
    await new Promise((resolve) => setTimeout(resolve, forMillis));
    end();
    return await Promise.all(answers);
  } finally {
    await agent.destroy();
  }
}

async function exchange<Sent extends Post>(
  agent: Agent,
  endpoint: string,
  post: Sent,
): Promise<SeenAnswer<Sent>> {
  const sentMillis = performance.now();
  const answer = await sendRequest(`${endpoint}${post.path}`, {
    dispatcher: agent,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(post.body),
  });
  let text = "";
  let firstByteMillis = Number.NaN;
  let lastByteMillis = Number.NaN;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    lastByteMillis = performance.now();
    if (text === "") firstByteMillis = lastByteMillis;
    text += chunk.toString();
  }
  return { post, sentMillis, firstByteMillis, lastByteMillis, status: answer.statusCode, body: text };
}
