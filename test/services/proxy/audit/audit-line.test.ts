import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditLine } from "../../../../services/proxy/audit/audit-line.ts";
import { auditEntry } from "./audit-entry.ts";

const time = "2026-11-22T01:02:03.004Z";
/** Strings of everything that JavaScript can hold, lone surrogates and control characters included. */
const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });
const text = fc.oneof(anyText, fc.string({ unit: "grapheme" }), fc.string());

describe("a line of the audit log", () => {
  it("says who asked which model and what came of it", () => {
    expect(auditLine(auditEntry(), time)).toBe(
      '{"type":"audit","time":"2026-11-22T01:02:03.004Z","requestId":"0f6c",' +
        '"principal":{"kind":"domino","id":"ada",' +
        '"caller":"H7sXJotrvugQrota073yUo","key":"nL2T54lDJVTc_8Zt8FK96E"},' +
        '"clientAddress":"10.0.0.7","method":"POST","path":"/predict",' +
        '"server":"tabular","model":"bert","version":"1","serviceClass":"Free",' +
        '"status":200,"durationMs":12.3,"queueMs":0,"requestBytes":700,"answerBytes":80,' +
        '"inputTokens":0,"outputTokens":0}\n',
    );
  });

  it("leaves out what is not known, and says why the proxy refused", () => {
    const line = auditLine(
      auditEntry({
        clientAddress: undefined,
        route: undefined,
        status: 404,
        errorCode: "MODEL_UNKNOWN",
      }),
      time,
    );
    const keys = Object.keys(JSON.parse(line) as object);
    expect(keys).toEqual([
      "type",
      "time",
      "requestId",
      "principal",
      "method",
      "path",
      "status",
      "errorCode",
      "durationMs",
      "queueMs",
      "requestBytes",
      "answerBytes",
      "inputTokens",
      "outputTokens",
    ]);
  });

  it("parses as JSON with the same values, whatever the texts hold, and is one line of ASCII", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 12, maxLength: 12 }), (texts) => {
        const [requestId = "", id = "", key = "", clientAddress = "", method = "", path = ""] = texts;
        const [server = "", model = "", version = "", serviceClass = "", errorCode = "", caller = ""] =
          texts.slice(6);
        const line = auditLine(
          auditEntry({
            requestId,
            principal: { kind: "jwt", id, caller, key, roles: ["secret-role"] },
            clientAddress,
            method,
            path,
            route: { server, model, version, service_class: serviceClass },
            errorCode,
          }),
          time,
        );
        expect(line).toMatch(/^[\x20-\x7e]*\n$/);
        expect(JSON.parse(line)).toEqual({
          type: "audit",
          time,
          requestId,
          principal: { kind: "jwt", id, caller, key },
          clientAddress,
          method,
          path,
          server,
          model,
          version,
          serviceClass,
          status: 200,
          errorCode,
          durationMs: 12.3,
          queueMs: 0,
          requestBytes: 700,
          answerBytes: 80,
          inputTokens: 0,
          outputTokens: 0,
        });
      }),
      { numRuns: 500 },
    );
  });

  it("keeps a long path short", () => {
    const line = auditLine(auditEntry({ path: `/v2/models/${"m".repeat(15_000)}/infer` }), time);
    expect((JSON.parse(line) as { path: string }).path).toHaveLength(1_024);
  });
});
