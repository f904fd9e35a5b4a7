import { startEnvoy } from "../../test/e2e/inference-servers/envoy.ts";
import { preparePythonEnvironment } from "../../test/toolchain/python-environments.ts";
import { engineAnswers } from "./load/requests.ts";
import type { CaseReport } from "./report.ts";
import type { Effort } from "./rounds.ts";
import { measured, type MeasuredServer } from "./servers/measured-server.ts";
import { startFixedAnswers, startNginxProxy } from "./servers/nginx.ts";
import { bareProxy, startProxy, type Engines, type ProxySetting } from "./servers/proxy.ts";

export interface BenchOptions extends Effort {
  /** How long the case of memory loads the proxy. */
  readonly memoryMinutes: number;
  /** The repository whose proxy is measured. */
  readonly checkout: string;
}

/** One case of the table in the issue. */
export interface BenchCase {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<CaseReport>;
}

/** What a case measures with; what it started is stopped after it. */
export class Bench {
  readonly options: BenchOptions;
  readonly #started: { stop(): Promise<void> }[] = [];
  #engine: Promise<string> | undefined;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  /** An engine that answers at once: its URL. */
  engine(): Promise<string> {
    return (this.#engine ??= this.keep(startFixedAnswers(engineAnswers)).then(({ url }) => url));
  }

  /** The proxy in front of that engine, or of others. */
  async proxy(setting: ProxySetting = bareProxy, others: Partial<Engines> = {}): Promise<MeasuredServer> {
    const url = await this.engine();
    const engines = { tabular: url, chat: url, streams: url, ...others };
    return this.keep(startProxy(this.options.checkout, engines, setting));
  }

  async nginx(): Promise<MeasuredServer> {
    return measured("nginx", await this.keep(startNginxProxy(await this.engine())));
  }

  async envoy(): Promise<MeasuredServer> {
    await preparePythonEnvironment("envoy", console.error);
    return measured("envoy", await this.keep(startEnvoy(await this.engine())));
  }

  /** Has something stopped when the case has ended. */
  async keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const started = await starting;
    this.#started.push(started);
    return started;
  }

  async stop(): Promise<void> {
    // The last one first: proxies before what is behind them.
    for (const one of this.#started.splice(0).reverse()) await one.stop();
    this.#engine = undefined;
  }
}
