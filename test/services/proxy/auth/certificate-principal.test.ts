import { describe, expect, it } from "vitest";
import { nameIn } from "../../../../services/proxy/auth/certificate-principal.ts";

describe("the name in a client certificate", () => {
  it.each([
    ["its common name", "batch", undefined, "batch"],
    ["its common name next to hosts", "batch", "DNS:batch.example, IP Address:10.0.0.1", "batch"],
    ["its URI before the common name", "batch", "URI:spiffe://example/batch", "spiffe://example/batch"],
    ["its URI among hosts", "x", "DNS:a, URI:spiffe://example/batch, DNS:b", "spiffe://example/batch"],
    [
      "its common name, where a host looks like a URI",
      "batch",
      `DNS:"a, URI:spiffe://example/admin"`,
      "batch",
    ],
  ])("is %s", (_what, commonName, alternatives, expected) => {
    expect(nameIn(commonName, alternatives)).toBe(expected);
  });

  it.each([
    ["two URIs", "batch", "URI:spiffe://example/a, URI:spiffe://example/b"],
    ["a URI that had to be quoted", "batch", `URI:"spiffe://example/a, URI:spiffe://example/admin"`],
    ["alternative names of another form", "batch", `DNS:a" URI:spiffe://example/admin`],
    ["an empty URI", "batch", "URI:"],
    ["no name", undefined, undefined],
    ["an empty name", "", undefined],
    ["two common names", ["batch", "admin"], undefined],
    ["a name with a line break", "batch\nadmin", undefined],
  ])("is missing where there are %s", (_what, commonName, alternatives) => {
    expect(nameIn(commonName, alternatives)).toBeUndefined();
  });
});
