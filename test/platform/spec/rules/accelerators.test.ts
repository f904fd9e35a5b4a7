import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../../optimizer/catalog/registry.ts";
import {
  acceleratorProblems,
  knownAccelerators,
  unknownAccelerator,
} from "../../../../platform/spec/rules/accelerators.ts";

const catalog = "2026-11";
const known = catalogOf(catalog);
const inCatalog = [...(known?.accelerators ?? []), ...(known?.partial.accelerators ?? [])].map(
  ({ name }) => name,
);

describe("known accelerators", () => {
  test("are the catalog's and the spec's own", () => {
    expect(
      knownAccelerators({ catalog, accelerators: { custom: [{ name: "X1" }, { name: 5 }, 7] } }),
    ).toEqual([...inCatalog, "X1"]);
  });

  test("are only the spec's own without a catalog", () => {
    expect(knownAccelerators({ accelerators: { custom: [{ name: "X1" }] } })).toEqual(["X1"]);
    expect(knownAccelerators({ catalog: 2026, accelerators: "L4" })).toEqual([]);
  });
});

describe("the catalog of a spec", () => {
  test("is one that was released", () => {
    expect(acceleratorProblems({ catalog: "2026-12", accelerators: { use: ["none"] } })).toEqual([
      {
        code: "SPEC_CATALOG_UNKNOWN",
        path: ["catalog"],
        message: 'catalog "2026-12" is not known; did you mean "2026-11"?',
        allowed: "2026-11",
      },
    ]);
  });

  test("is the schema's to ask for where it is missing or no text; nothing is said of accelerators then", () => {
    expect(acceleratorProblems({ accelerators: { use: ["none"], limits: { none: 1 } } })).toEqual([]);
    expect(acceleratorProblems({ catalog: 2026, accelerators: { use: ["none"] } })).toEqual([]);
  });
});

describe("accelerators of a spec", () => {
  const card = (name: unknown, ...types: unknown[]) => ({
    name,
    instanceTypes: types.map((type) => ({ name: type })),
  });
  const problemsOf = (accelerators: unknown) => acceleratorProblems({ catalog, accelerators });

  test("are known where they are used or limited; what is no name is the schema's to report", () => {
    const allowed = [...inCatalog, "X1"].join(", ");
    expect(
      problemsOf({ use: ["L4", 5, "X1", "X2"], limits: { L5: 3, X1: 1 }, custom: [card("X1", "own.large")] }),
    ).toEqual([
      {
        code: "SPEC_ACCELERATOR_UNKNOWN",
        path: ["accelerators", "use", 3],
        message: 'accelerator "X2" is not known; did you mean "X1"?',
        allowed,
      },
      {
        code: "SPEC_ACCELERATOR_UNKNOWN",
        path: ["accelerators", "limits", "L5"],
        atKey: true,
        message: 'accelerator "L5" is not known; did you mean "L4"?',
        allowed,
      },
    ]);
  });

  test("may be slices of cards and CPU, and a slip in their names is told", () => {
    expect(problemsOf({ use: ["CPU", "A100-40G-1g.5gb", "H100-80G-3g.40gb"] })).toEqual([]);
    expect(problemsOf({ use: ["A100-80G-1g.1gb", "GPU"] })).toMatchObject([
      { message: 'accelerator "A100-80G-1g.1gb" is not known; did you mean "A100-80G-1g.10gb"?' },
      { message: 'accelerator "GPU" is not known; did you mean "CPU"?' },
    ]);
  });

  test("are each limited for themselves: a limit on cards needs one on their slices too", () => {
    const use = ["A100-80G", "A100-80G-1g.10gb", "A100-80G-3g.40gb", "CPU"];
    expect(problemsOf({ use, limits: { "A100-80G": 8, "A100-80G-1g.10gb": 56 } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["accelerators", "limits", "A100-80G"],
        atKey: true,
        message: "A100-80G is limited, its slice A100-80G-3g.40gb is used without a limit",
        allowed: "a limit for A100-80G-3g.40gb too: 2 slices for each card that may be cut",
      },
    ]);
    expect(
      problemsOf({ use, limits: { "A100-80G": 8, "A100-80G-1g.10gb": 56, "A100-80G-3g.40gb": 0 } }),
    ).toEqual([]);
    expect(problemsOf({ use, limits: { "A100-80G-1g.10gb": 7, CPU: 4 } })).toEqual([]);
    expect(problemsOf({ limits: { "A100-80G": 8 } })).toEqual([]);
  });

  test("of the spec's own take no name of a slice, nor a node without cards that the catalog has", () => {
    expect(problemsOf({ custom: [card("CPU", "m7i.xlarge")] })).toMatchObject([
      { code: "SPEC_NAME_DUPLICATE", message: 'accelerator "CPU" is already in catalog 2026-11' },
      { code: "SPEC_NAME_DUPLICATE", message: 'instance type "m7i.xlarge" is already in catalog 2026-11' },
    ]);
  });

  test("are described once", () => {
    expect(problemsOf({ custom: [card("X1"), card("X2"), card("X1")] })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["accelerators", "custom", 2, "name"],
        message: 'accelerator "X1" is already defined at index 0',
      },
    ]);
  });

  test("of their own are not the catalog's, nor are their instance types", () => {
    expect(problemsOf({ custom: [card("X1", "own.large"), card("L4", "own.small", "g6.xlarge")] })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["accelerators", "custom", 1, "name"],
        message: 'accelerator "L4" is already in catalog 2026-11',
      },
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["accelerators", "custom", 1, "instanceTypes", 1, "name"],
        message: 'instance type "g6.xlarge" is already in catalog 2026-11',
      },
    ]);
  });

  test("have instance types that no other one has", () => {
    expect(
      problemsOf({ custom: [card("X1", "own.large", 5), card(7, "own.small"), card("X2", 5, "own.large")] }),
    ).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["accelerators", "custom", 2, "instanceTypes", 1, "name"],
        message: 'instance type "own.large" is already one of accelerator "X1"',
      },
    ]);
    expect(problemsOf({ custom: [card(7, "own.large"), card("X2", "own.large")] })).toMatchObject([
      { message: 'instance type "own.large" is already one of accelerator ""' },
    ]);
  });

  test("that are no mapping at all are the schema's to report", () => {
    expect(problemsOf(undefined)).toEqual([]);
    expect(problemsOf("L4")).toEqual([]);
    expect(problemsOf([{ use: ["none"] }])).toEqual([]);
    expect(problemsOf({ use: "none", limits: ["none"], custom: "none" })).toEqual([]);
    expect(problemsOf({ custom: [{}, { name: "X1", instanceTypes: "own.large" }] })).toEqual([]);
  });

  test("are listed where one is not known", () => {
    expect(unknownAccelerator("T4", ["L4", "A10G"], ["use", 0])).toEqual({
      code: "SPEC_ACCELERATOR_UNKNOWN",
      path: ["use", 0],
      message: 'accelerator "T4" is not known; did you mean "L4"?',
      allowed: "L4, A10G",
    });
  });
});
