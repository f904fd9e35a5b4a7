import { describe, expect, test } from "vitest";
import { groupName } from "../../../platform/spec/group-name.ts";
import { nearestName, unknownName } from "../../../platform/spec/nearest.ts";

describe("a group's name", () => {
  const model = { name: "BERT_Fraud.v2", serviceClass: "Premium" };

  test("is the engine's where models share replicas", () => {
    expect(groupName("triton", "tabular", { ...model, canaryVersion: "3" })).toBe("tabular");
  });

  test("is made of engine, model and class, in the letters that Kubernetes takes", () => {
    expect(groupName("vllm", "chat", model)).toBe("chat-bert-fraud-v2-premium");
  });

  test("ends in the version only where versions run side by side", () => {
    expect(groupName("vllm", "chat", { ...model, canaryVersion: "2026.05" })).toBe(
      "chat-bert-fraud-v2-premium-v2026-05",
    );
  });

  test("has single dashes, and none of a part's own at its ends", () => {
    expect(groupName("vllm", "chat", { name: "__Llama__3__", serviceClass: "-Free-" })).toBe(
      "chat-llama-3-free",
    );
  });
});

describe("the nearest name", () => {
  test("is the one with the fewest changes, whatever its capitals, as it is written", () => {
    expect(nearestName("l40s", ["L4", "L40S", "A10G"])).toBe("L40S");
    expect(nearestName("MODLES", ["Models", "module"])).toBe("Models");
  });

  test("may differ in two letters of a short name and in a third of a long one, and no more", () => {
    expect(nearestName("ab", ["cd"])).toBe("cd");
    expect(nearestName("abc", ["xyz"])).toBeUndefined();
    expect(nearestName("abcdefghi", ["abcdefxyz"])).toBe("abcdefxyz");
    expect(nearestName("abcdefghi", ["abcdewxyz"])).toBeUndefined();
    expect(nearestName("abcdefghij", ["abcdefwxyz"])).toBe("abcdefwxyz");
  });

  test("is nothing where there is nothing to choose from", () => {
    expect(nearestName("", [])).toBeUndefined();
    expect(nearestName("a", [])).toBeUndefined();
  });

  test("is asked for in the message of an unknown name, where there is one", () => {
    expect(unknownName("key", "modles", ["models"])).toBe(
      'key "modles" is not known; did you mean "models"?',
    );
    expect(unknownName("key", "xylophone", ["models"])).toBe('key "xylophone" is not known');
  });
});
