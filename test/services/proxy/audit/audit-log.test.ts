import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuditLog } from "../../../../services/proxy/audit/audit-log.ts";
import { auditEntry } from "./audit-entry.ts";

describe("the audit log", () => {
  it("writes one line for each request, with the time at which it ended", () => {
    const lines: string[] = [];
    const log = AuditLog.open({ write: (line) => lines.push(line) });
    const ended = fc.integer({ min: 0, max: 4e12 });
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            ended,
            ended.map((ms) => ms + 0.75),
          ),
        ),
        (times) => {
          lines.length = 0;
          times.forEach((endedAtMs) => log.record(auditEntry(), endedAtMs));
          expect(lines.map((line) => (JSON.parse(line) as { time: string }).time)).toEqual(
            times.map((endedAtMs) => new Date(endedAtMs).toISOString()),
          );
        },
      ),
    );
  });
});
