/** Exit code of a command that ran to its end but has something to complain about. */
export interface CommandStatus {
  code: number;
}
