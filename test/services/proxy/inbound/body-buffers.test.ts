import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BodyBuffers } from "../../../../services/proxy/inbound/body-buffers.ts";

const mib = 1024 * 1024;

test("a buffer that was given is taken again by a body that fits", () => {
  const buffers = new BodyBuffers(mib);
  const first = buffers.take(5000);
  expect(first.length).toBe(8192);
  buffers.give(first);
  expect(buffers.take(4096)).not.toBe(first);
  expect(buffers.take(8192)).toBe(first);
  expect(buffers.take(8192)).not.toBe(first);
});

test("bodies of any length get a buffer that holds them, at most twice as long or of the least size", () => {
  const buffers = new BodyBuffers(mib);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 * mib }), (bytes) => {
      const { length } = buffers.take(bytes);
      expect(length).toBeGreaterThanOrEqual(bytes);
      expect(length).toBeLessThanOrEqual(Math.max(4096, 2 * bytes));
    }),
  );
});

test("nobody gets a buffer that somebody has", () => {
  const buffers = new BodyBuffers(mib);
  const step = fc.record({
    bytes: fc.integer({ min: 0, max: 200_000 }),
    gives: fc.nat(5),
    trims: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held: Buffer[] = [];
      for (const { bytes, gives, trims } of steps) {
        const taken = buffers.take(bytes);
        expect(held).not.toContain(taken);
        held.push(taken);
        for (const one of held.splice(0, gives)) buffers.give(one);
        if (trims) buffers.trim();
      }
    }),
  );
});

test("no more than the limit is kept", () => {
  const buffers = new BodyBuffers(3 * mib);
  const given = Array.from({ length: 5 }, () => buffers.take(mib));
  for (const one of given) buffers.give(one);
  const again = Array.from({ length: 5 }, () => buffers.take(mib));
  expect(again.filter((one) => given.includes(one))).toHaveLength(3);
});

test("a buffer longer than the longest that is kept is not kept", () => {
  const buffers = new BodyBuffers(64 * mib);
  const long = buffers.take(5 * mib);
  expect(long.length).toBe(5 * mib);
  buffers.give(long);
  expect(buffers.take(5 * mib)).not.toBe(long);
});

test("what was not needed between two looks is let go, and what was needed stays", () => {
  const buffers = new BodyBuffers(64 * mib);
  const given = Array.from({ length: 4 }, () => buffers.take(mib));
  for (const one of given) buffers.give(one);
  buffers.trim();
  // Two of the four are in use at the same time.
  const used = [buffers.take(mib), buffers.take(mib)];
  for (const one of used) buffers.give(one);
  buffers.trim();
  const kept = Array.from({ length: 4 }, () => buffers.take(mib)).filter((one) => given.includes(one));
  expect(kept).toHaveLength(2);
});
