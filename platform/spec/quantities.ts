import { z } from "zod";

/** A time span in milliseconds. */
export type Milliseconds = number & { readonly unit?: "ms" };
/** A request rate per minute. */
export type RequestsPerMinute = number & { readonly unit?: "requests/min" };
/** An amount of memory in GiB (2^30 bytes). */
export type GiB = number & { readonly unit?: "GiB" };
/** A price in US dollars per hour. */
export type UsdPerHour = number & { readonly unit?: "USD/h" };
/** A data rate in GB/s (10^9 bytes). */
export type GigabytesPerSecond = number & { readonly unit?: "GB/s" };

/** Few enough digits that every number is finite and exact to a nanosecond or a byte. */
const decimal = String.raw`(\d{1,12}(?:\.\d{1,9})?)`;

/** One server of a platform; more is a mistyped unit, and would plan millions of replicas. */
const maxRequestsPerMinute = 1_000_000;

interface Quantity<T extends number> {
  /** Text of the units and an example, for the error's `allowed`. */
  readonly form: string;
  readonly pattern: RegExp;
  readonly factors: Readonly<Record<string, number>>;
  /** Only for the return type. */
  readonly result?: T;
}

const duration: Quantity<Milliseconds> = {
  form: "a duration with its unit (ms, s, min, h), such as 250ms",
  pattern: new RegExp(`^${decimal} ?(ms|s|min|h)$`),
  factors: { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 },
};
const rate: Quantity<RequestsPerMinute> = {
  form: "a rate with its unit (/s, /min, /h), such as 600/min",
  pattern: new RegExp(`^${decimal} ?/ ?(s|min|h)$`),
  factors: { s: 60, min: 1, h: 1 / 60 },
};
const memory: Quantity<GiB> = {
  form: "memory with its unit (Mi, Gi, Ti, or MiB, GiB, TiB), such as 80Gi",
  pattern: new RegExp(`^${decimal} ?(Mi|Gi|Ti)B?$`),
  factors: { Mi: 1 / 1024, Gi: 1, Ti: 1024 },
};
const price: Quantity<UsdPerHour> = {
  form: "a price with its unit, such as 2.5 USD/h",
  pattern: new RegExp(`^${decimal} ?(USD)/h$`),
  factors: { USD: 1 },
};
const bandwidth: Quantity<GigabytesPerSecond> = {
  form: "a bandwidth with its unit (GB/s, TB/s), such as 3350 GB/s",
  pattern: new RegExp(`^${decimal} ?(GB|TB)/s$`),
  factors: { GB: 1, TB: 1000 },
};

function quantitySchema<T extends number>(quantity: Quantity<T>) {
  return z
    .string({ error: `expected ${quantity.form}` })
    .regex(quantity.pattern)
    .transform((text): T => {
      const [, amount = "0", unit = ""] = quantity.pattern.exec(text) ?? [];
      return (Number(amount) * (quantity.factors[unit] ?? Number.NaN)) as T;
    })
    .meta({ description: quantity.form });
}

/** `250ms` → 250. */
export const durationSchema = quantitySchema(duration);
/** `600/min` → 600. */
export const rateSchema = quantitySchema(rate).refine((perMinute) => perMinute <= maxRequestsPerMinute, {
  error: `expected at most ${maxRequestsPerMinute}/min for one server`,
});
/** `100000/min` → 100000: tokens, of which a request has thousands. */
export const tokenRateSchema = quantitySchema(rate);
/** `80Gi` → 80. */
export const memorySchema = quantitySchema(memory);
/** `2.5 USD/h` → 2.5. */
export const priceSchema = quantitySchema(price);
/** `3350 GB/s` → 3350. */
export const bandwidthSchema = quantitySchema(bandwidth);
