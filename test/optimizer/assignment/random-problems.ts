import type {
  AssignmentOption,
  AssignmentProblem,
  AssignmentServer,
} from "../../../optimizer/assignment/assignment-problem.ts";
import { certain } from "../../../optimizer/certain.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import type { Random } from "../../../optimizer/simulation/random.ts";

/** A fleet in the spirit of the peer's samples: few models and accelerators, loads from idle to enormous. */
export interface FleetSettings {
  readonly servers: number;
  readonly seed: number;
  /** Capacity of each type in percent of what the best options use. */
  readonly capacityPercent: number;
  /** Whether servers have a current allocation, so that values are penalised changes and of either sign. */
  readonly change?: boolean;
}

const accelerators = [
  { type: 0, cards: 1, cost: 3.1, speed: 1, memory: 1 },
  { type: 1, cards: 1, cost: 24, speed: 5, memory: 2 },
  { type: 1, cards: 4, cost: 93, speed: 21, memory: 8 },
  { type: 2, cards: 1, cost: 6.4, speed: 0.9, memory: 2 },
  { type: 3, cards: 1, cost: 87, speed: 9, memory: 4 },
  { type: 3, cards: 2, cost: 131, speed: 19, memory: 8 },
];

const models = [
  { size: 1, work: 1 },
  { size: 1.5, work: 1.6 },
  { size: 2, work: 2.2 },
  { size: 3, work: 4 },
  { size: 6, work: 9 },
  { size: 8, work: 16 },
];

const priorities = [1, 2, 5, 10, 20];

/** Share of the servers in each priority and the ones before. */
const cumulativeShare = [0.21, 0.42, 0.69, 0.94, 1];

export function randomFleet(settings: FleetSettings): AssignmentProblem {
  const random = seededRandom(settings.seed, "fleet");
  const between = (low: number, high: number): number => low + (high - low) * random();
  const below = (count: number): number => Math.floor(random() * count);
  const servers = Array.from({ length: settings.servers }, (_, index): AssignmentServer => {
    const model = certain(models[below(models.length)]);
    // A few servers need as much as all others together.
    const load = 0.3 * Math.exp(2.2 * normal(random));
    const roll = random();
    const level = cumulativeShare.findIndex(
      (share, position, all) => roll < share || position === all.length - 1,
    );
    const strictness = 0.8 + 0.1 * level;
    const candidates = accelerators.flatMap(({ type, cards, cost, speed, memory }) => {
      const instances = Math.ceil(model.size / memory);
      const rate = (speed * instances * strictness) / model.work - (strictness < 0.9 ? 0.12 : 0);
      if (rate <= 0.02 || instances > 4) return [];
      const replicas = Math.ceil(load / rate);
      return [{ type, cards: cards * instances, replicas, cost: cost * instances }];
    });
    const current = settings.change ? candidates[below(candidates.length)] : undefined;
    const currentCost = current ? current.cost * Math.ceil(current.replicas * between(0.3, 1.6)) : 0;
    return {
      id: `s${String(index).padStart(6, "0")}`,
      priority: certain(priorities[level]),
      options: candidates.map((candidate): AssignmentOption => {
        const cost = candidate.cost * candidate.replicas;
        const penalty = candidate === current ? 0 : 0.1 * (cost + currentCost);
        return {
          uses: [{ type: candidate.type, units: candidate.cards * candidate.replicas }],
          replicas: candidate.replicas,
          value: Math.round((cost - currentCost + penalty) * 1000) / 1000,
        };
      }),
    };
  });
  // Also what no best option uses is there in small numbers.
  const used = [0, 0, 0, 0].map(() => Math.ceil(settings.servers / 30));
  for (const { options } of servers) {
    const best = options.toSorted((a, b) => a.value - b.value)[0];
    for (const { type, units } of best?.uses ?? []) used[type] = certain(used[type]) + units;
  }
  return {
    servers,
    capacityUnits: used.map((units) => Math.floor((units * settings.capacityPercent) / 100)),
  };
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
