import { describe, expect, test } from "vitest";
import { dominoProblems } from "../../../../platform/spec/rules/domino.ts";
import {
  knownServiceClasses,
  serviceClassProblems,
} from "../../../../platform/spec/rules/service-classes.ts";

describe("what a spec says of Domino", () => {
  test("names every dataset, role and user once", () => {
    const duplicate = (what: string, list: string, key: string, name: string) => ({
      code: "SPEC_NAME_DUPLICATE",
      path: ["domino", list, 1, key],
      message: `${what} "${name}" is already defined at index 0`,
    });
    expect(
      dominoProblems({
        domino: {
          datasets: [{ name: "d" }, { name: "d" }],
          roles: [{ name: "r" }, { name: "r" }],
          users: [
            { user: "u", role: "r" },
            { user: "u", role: "r" },
          ],
        },
      }),
    ).toEqual([
      duplicate("dataset", "datasets", "name", "d"),
      duplicate("role", "roles", "name", "r"),
      duplicate("user", "users", "user", "u"),
    ]);
  });

  test("gives every role to somebody", () => {
    const domino = { roles: [{ name: "a" }, { name: 5 }, { name: "b" }], users: [{ user: "u", role: "a" }] };
    expect(dominoProblems({ domino })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["domino", "roles", 2, "name"],
        message: 'no user has the role "b"',
        allowed: "a role that an entry of domino.users names",
        remedy: "Give the role to a user, or remove it.",
      },
    ]);
  });

  test("gives users only roles that there are, and lists those", () => {
    const users = [
      { user: "u", role: "reader" },
      { user: "v", role: 5 },
      { user: "w", role: "writer" },
      { user: "x", role: "raeder" },
    ];
    const problem = {
      code: "SPEC_REFERENCE_UNKNOWN",
      path: ["domino", "users", 3, "role"],
      message: 'role "raeder" is not known; did you mean "reader"?',
      allowed: "reader, writer",
    };
    expect(
      dominoProblems({ domino: { roles: [{ name: "reader" }, { name: 5 }, { name: "writer" }], users } }),
    ).toEqual([problem]);
    expect(dominoProblems({ domino: { users: [{ user: "u", role: "reader" }] } })).toEqual([
      {
        ...problem,
        path: ["domino", "users", 0, "role"],
        message: 'role "reader" is not known',
        allowed: "none are defined under domino.roles",
      },
    ]);
  });

  test("may be nothing at all", () => {
    expect(dominoProblems({})).toEqual([]);
  });
});

describe("service classes", () => {
  test("are those of the spec and the default one, which is known once", () => {
    expect(knownServiceClasses({})).toEqual(["Free"]);
    expect(knownServiceClasses({ serviceClasses: [{ name: "Premium" }, { name: 5 }] })).toEqual([
      "Premium",
      "Free",
    ]);
    expect(knownServiceClasses({ serviceClasses: [{ name: "Free" }, { name: "Premium" }] })).toEqual([
      "Free",
      "Premium",
    ]);
  });

  test("have names and priorities of their own", () => {
    const serviceClasses = [
      { name: "Gold", priority: 1 },
      { name: "Gold", priority: 2 },
      { name: "Silver", priority: 1 },
    ];
    expect(serviceClassProblems({ serviceClasses })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["serviceClasses", 1, "name"],
        message: 'service class "Gold" is already defined at index 0',
      },
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["serviceClasses", 2, "priority"],
        message: 'priority "1" is already defined at index 0',
      },
    ]);
  });
});
