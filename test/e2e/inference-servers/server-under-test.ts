/** A running server that a contract is checked against. */
export interface ServerUnderTest {
  /** Base URL without a trailing slash. */
  readonly url: string;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
  /** The text as JSON; undefined where it is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every answer has another form
  readonly json: any;
}

/** Sends one request, on a connection of its own, with a body in JSON or with a text as it is. */
export function ask(
  server: ServerUnderTest,
  method: string,
  path: string,
  body?: unknown,
  signal: AbortSignal | null = null,
): Promise<Answer> {
  return askWith({}, server, method, path, body, signal);
}

/** The same with headers. */
export async function askWith(
  headers: Readonly<Record<string, string>>,
  { url }: ServerUnderTest,
  method: string,
  path: string,
  body?: unknown,
  signal: AbortSignal | null = null,
): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    signal,
    headers: {
      connection: "close",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, contentType: answer.headers.get("content-type"), text, json: parsed(text) };
}

/** Longest time in ms that a question may take which is asked again. */
const answerWithinMillis = 300;

/** Asks again, on another connection, what is not answered at once. */
export async function askUntilAnswered(
  ...question: [ServerUnderTest, string, string, unknown?]
): Promise<Answer> {
  for (;;) {
    const [server, method, path, body] = question;
    try {
      return await ask(server, method, path, body, AbortSignal.timeout(answerWithinMillis));
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "TimeoutError")) throw error;
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Asks again until the answer satisfies; the time limit of the test is the only one. */
export async function eventually<T>(
  question: () => Promise<T>,
  satisfies: (answer: T) => boolean,
): Promise<T> {
  for (;;) {
    const answer = await question();
    if (satisfies(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
