import { describe, expect, it } from "vitest";
import { serviceAddressOf } from "../../../../services/proxy/discovery/service-address.ts";
import {
  endpointsOf,
  readService,
  readSlice,
  selectorOf,
  type SliceFacts,
} from "../../../../services/proxy/discovery/slice-facts.ts";
import { serviceObject, sliceObject } from "./kubernetes-objects.ts";

const url = "http://tabular.inference.svc.cluster.local:80";

const facts = (...objects: readonly unknown[]): readonly SliceFacts[] =>
  objects.flatMap((object) => readSlice(object) ?? []);

describe("the Service of a URL", () => {
  it.each([
    ["http://a.b.svc.cluster.local:8000", { service: "a", namespace: "b", port: 8_000 }],
    ["http://a.b.svc", { service: "a", namespace: "b", port: 80 }],
    ["https://a.b.svc.example.org", { service: "a", namespace: "b", port: 443 }],
    ["http://a.b.example.org:8000", undefined],
    ["http://10.0.0.1:8000", undefined],
    ["http://localhost:8000", undefined],
  ])("%s is %j", (text, service) => {
    expect(serviceAddressOf(text)).toEqual(service);
  });
});

describe("the endpoints of a slice", () => {
  it("are those that are ready, or say nothing about it, and do not terminate", () => {
    const slice = readSlice(
      sliceObject("s", "tabular", [
        ["10.0.0.1", { ready: true, serving: true, terminating: false }],
        ["10.0.0.2", { ready: false, serving: true, terminating: true }],
        ["10.0.0.3", { ready: null }],
        ["10.0.0.4"],
        ["10.0.0.5", { ready: false }],
        ["10.0.0.6", { ready: true, serving: true, terminating: true }],
      ]),
    );
    expect(slice?.addresses).toEqual(["10.0.0.1", "10.0.0.3", "10.0.0.4"]);
  });

  it("count once where a pod has several addresses", () => {
    const object = {
      ...sliceObject("s", "tabular", []),
      endpoints: [{ addresses: ["10.0.0.1", "10.0.0.2"] }],
    };
    expect(readSlice(object)?.addresses).toEqual(["10.0.0.1"]);
  });

  it.each([
    ["slices of host names", { ...sliceObject("s", "tabular", []), addressType: "FQDN" }],
    ["slices of no Service", { ...sliceObject("s", "tabular", []), metadata: { name: "s" } }],
    ["nonsense", { kind: "Secret" }],
    ["nothing", null],
  ])("are not taken from %s", (_, object) => {
    expect(readSlice(object)).toBeUndefined();
  });

  it("are none where the slice has none", () => {
    expect(readSlice({ ...sliceObject("s", "tabular", []), endpoints: null, ports: null })).toMatchObject({
      addresses: [],
      ports: [],
    });
  });
});

describe("the endpoints of a Service", () => {
  const service = readService(
    serviceObject("tabular", [
      { name: "http", port: 80 },
      { name: "grpc", port: 81 },
    ]),
  );
  const ports = [
    { name: "grpc", port: 8_001 },
    { name: "http", port: 8_000 },
  ];

  it("are those of all its slices, sorted, each once, at the pods' port of the Service's port", () => {
    const slices = facts(
      sliceObject("b", "tabular", [["10.0.0.3"], ["10.0.0.1"]], ports),
      sliceObject("a", "tabular", [["10.0.0.2"], ["10.0.0.1"]], ports),
    );
    expect(endpointsOf(url, 80, slices, service)).toEqual({
      urls: ["http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://10.0.0.3:8000"],
      isPortMissing: false,
    });
    expect(endpointsOf("http://tabular.inference.svc:81", 81, slices, service).urls[0]).toBe(
      "http://10.0.0.1:8001",
    );
  });

  it("have another port in every slice where pods name it differently", () => {
    const slices = facts(
      sliceObject("a", "tabular", [["10.0.0.1"]], [{ name: "http", port: 8_000 }]),
      sliceObject("b", "tabular", [["10.0.0.2"]], [{ name: "http", port: 9_000 }]),
    );
    expect(endpointsOf(url, 80, slices, service).urls).toEqual([
      "http://10.0.0.1:8000",
      "http://10.0.0.2:9000",
    ]);
  });

  it("are not reached at another port than the Service's, even if it is the only one", () => {
    const slices = facts(sliceObject("a", "tabular", [["10.0.0.1"]], [{ name: "grpc", port: 8_001 }]));
    expect(endpointsOf(url, 80, slices, service)).toEqual({ urls: [], isPortMissing: true });
  });

  it("have the port without a name of a Service with one port", () => {
    const unnamed = readService(serviceObject("tabular", [{ port: 80 }]));
    const slices = facts(sliceObject("a", "tabular", [["10.0.0.1"]], [{ name: "", port: 8_000 }]));
    expect(endpointsOf(url, 80, slices, unnamed).urls).toEqual(["http://10.0.0.1:8000"]);
  });

  it("have the port of the URL or else the only one where the Service does not say", () => {
    const two = facts(sliceObject("a", "tabular", [["10.0.0.1"]], ports));
    const one = facts(sliceObject("a", "tabular", [["10.0.0.1"]], [{ name: "x", port: 9_999 }]));
    expect(endpointsOf(url, 8_001, two, undefined).urls).toEqual(["http://10.0.0.1:8001"]);
    expect(endpointsOf(url, 80, two, undefined).urls).toEqual([]);
    expect(endpointsOf(url, 80, one, undefined).urls).toEqual(["http://10.0.0.1:9999"]);
    // A headless Service is often asked at its pods' port.
    expect(endpointsOf(url, 8_000, two, service).urls).toEqual(["http://10.0.0.1:8000"]);
  });

  it("are of the Service's first family, of the other where that has none", () => {
    const v4 = sliceObject("a", "tabular", [["10.0.0.1"]], ports);
    const v6 = { ...sliceObject("b", "tabular", [["fd00::1"]], ports), addressType: "IPv6" };
    const first6 = readService({
      spec: { ipFamilies: ["IPv6", "IPv4"], ports: [{ name: "http", port: 80 }] },
    });
    expect(endpointsOf(url, 80, facts(v4, v6), service).urls).toEqual(["http://10.0.0.1:8000"]);
    expect(endpointsOf(url, 80, facts(v4, v6), first6).urls).toEqual(["http://[fd00::1]:8000"]);
    expect(endpointsOf(url, 80, facts(v6), service).urls).toEqual(["http://[fd00::1]:8000"]);
  });

  it("are asked for by one selector", () => {
    expect(selectorOf(["b", "a"])).toBe("kubernetes.io/service-name in (a,b)");
  });
});
