import { expect, test } from "vitest";
import { valuesAt } from "./await/json-path.ts";
import { liveInputs } from "./live-inputs.ts";

test("sees no drift where the server says the same in its own words", () => {
  const inputs = {
    metadata: { name: "web", labels: {} },
    spec: {
      replicas: 1,
      paused: false,
      containers: [{ name: "web", args: [], resources: { requests: { cpu: "1000m", memory: "1024Mi" } } }],
    },
  };
  const live = {
    metadata: { name: "web", uid: "1" },
    spec: {
      replicas: 1,
      containers: [
        { name: "injected", image: "sidecar" },
        { name: "web", pullPolicy: "Always", resources: { requests: { cpu: "1", memory: "1Gi" } } },
      ],
    },
    status: {},
  };
  expect(liveInputs(inputs, live)).toEqual(inputs);
});

test("shows what others changed, removed and appended", () => {
  const inputs = {
    data: { kept: "a", changed: "a", removed: "a" },
    args: ["one"],
    ports: [{ port: 80 }, { port: 81 }],
  };
  const live = { data: { kept: "a", changed: "b", added: "c" }, args: ["one", "two"], ports: [{ port: 81 }] };
  expect(liveInputs(inputs, live)).toEqual({
    data: { kept: "a", changed: "b" },
    args: ["one", "two"],
    ports: [{ port: 81 }],
  });
});

test("compares the text of a secret with the data that the server made of it", () => {
  const data = { key: Buffer.from("theirs").toString("base64") };
  expect(liveInputs({ stringData: { key: "ours", lost: "ours" } }, { data })).toEqual({
    stringData: { key: "theirs" },
  });
});

test("finds values by paths as kubectl writes them", () => {
  const object = {
    status: {
      "a.b": 1,
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Stuck", status: "False" },
      ],
    },
  };
  expect(valuesAt(object, '.status.conditions[?(@.type=="Ready")].status')).toEqual(["True"]);
  expect(valuesAt(object, ".status.conditions[1].type")).toEqual(["Stuck"]);
  expect(valuesAt(object, ".status.conditions[*].type")).toEqual(["Ready", "Stuck"]);
  expect(valuesAt(object, ".status['a.b']")).toEqual([1]);
  expect(valuesAt(object, ".status.absent")).toEqual([]);
  expect(() => valuesAt(object, ".status[")).toThrow("is not understood");
});
