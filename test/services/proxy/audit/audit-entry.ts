import { principalOf } from "../../../../services/proxy/auth/principal.ts";
import type { AuditEntry } from "../../../../services/proxy/audit/audit-line.ts";

/** An answered request of one user. */
export function auditEntry(changes: Partial<AuditEntry> = {}): AuditEntry {
  return {
    requestId: "0f6c",
    principal: principalOf("domino", "ada", ["analyst"], "fingerprint"),
    clientAddress: "10.0.0.7",
    method: "POST",
    path: "/predict",
    route: { server: "tabular", model: "bert", version: "1", service_class: "Free" },
    status: 200,
    errorCode: undefined,
    durationMs: 12.34,
    queueMs: 0.04,
    requestBytes: 700,
    answerBytes: 80,
    inputTokens: 0,
    outputTokens: 0,
    ...changes,
  };
}
