import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { headsDivisible, nearestDivisible } from "../../../../platform/engines/vllm/tensor-parallel.ts";

const heads = fc.record({
  attentionHeads: fc.option(fc.integer({ min: 1, max: 128 }), { nil: undefined }),
  kvHeads: fc.integer({ min: 1, max: 64 }),
});
const gpus = fc.integer({ min: 1, max: 64 });

describe("the heads of a network", () => {
  test.each([
    [{ attentionHeads: 64, kvHeads: 8 }, [1, 2, 4, 8, 16, 32, 64]],
    [{ attentionHeads: 40, kvHeads: 8 }, [1, 2, 4, 8, 40]],
    [{ attentionHeads: 28, kvHeads: 4 }, [1, 2, 4, 28]],
    [{ attentionHeads: 71, kvHeads: 1 }, [1, 71]],
    [{ kvHeads: 8 }, [1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 72]],
  ])("%j are shared out over %j GPUs and no others", (network, divisible) => {
    const counts = Array.from({ length: 72 }, (_, index) => index + 1);
    expect(counts.filter((count) => headsDivisible(network, count))).toEqual(divisible);
  });

  test("are shared out equally: every GPU holds as many as every other", () => {
    fc.assert(
      fc.property(heads, gpus, (network, count) => {
        if (!headsDivisible(network, count)) return;
        expect((network.attentionHeads ?? 0) % count).toBe(0);
        expect(Math.max(network.kvHeads, count) % Math.min(network.kvHeads, count)).toBe(0);
      }),
    );
  });

  test("have a nearest number of GPUs, and none that works is nearer", () => {
    fc.assert(
      fc.property(heads, gpus, (network, count) => {
        const nearest = nearestDivisible(network, count);
        expect(headsDivisible(network, nearest)).toBe(true);
        const distance = Math.abs(nearest - count);
        for (let nearer = 0; nearer < distance; nearer++) {
          expect(count > nearer && headsDivisible(network, count - nearer)).toBe(false);
          expect(headsDivisible(network, count + nearer)).toBe(false);
        }
      }),
    );
  });
});
