/** What the supervisor is told once, right after its start. */
export interface StartOrder {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  /** Removed with the process. */
  readonly folders: readonly string[];
  /** Time in ms between SIGTERM and SIGKILL. */
  readonly graceMillis: number;
}

export interface ProcessExit {
  /** Null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What the supervisor reports. */
export type SupervisorReport =
  | { readonly kind: "started"; readonly pid: number }
  | { readonly kind: "refused"; readonly reason: string }
  /** The process has ended by itself or was ended, and nothing that it started is left. */
  | ({ readonly kind: "ended"; readonly logTail: string } & ProcessExit);

/** Environment variable whose value is found again in everything that a supervised process starts. */
export const markerVariable = "SUPERVISED_PROCESS";
