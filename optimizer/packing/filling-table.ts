import { certain } from "../certain.ts";
import type { FillingItems } from "./filling-items.ts";
import { resourceCount } from "./replica-class.ts";

/** Cards up to which a node's cards are told apart: whole GPU nodes have 8, slices of shared ones may be many more. */
const mostCards = 16;

/**
 * Slots of a node, of which a replica takes ceil((slots + 1) · share) - 1, whatever the other resources, weighed
 * together, make its share: replicas that fit together never take more. One slot more divides by 2, 3, 4, 5, 6 and 8,
 * so that two replicas of a little more than half a node, or three of a little more than a third, do.
 */
const slotCount = 119;

/**
 * Bounds on what the rest of a node can hold: the best filling of so many cards and so many slots by the items from a
 * position in the order on.
 */
export class FillingTable {
  /** Slots that one replica of each item takes. */
  readonly slots: Int32Array;
  readonly wholeSlots: number = slotCount;
  readonly #items: FillingItems;
  /** Numbers of cards told apart, none included; 1 where cards are weighed together with the other resources. */
  readonly #cardWidth: number;
  readonly #cells: Float64Array;

  constructor(items: FillingItems) {
    const cards = certain(items.room[0]);
    this.#items = items;
    this.slots = new Int32Array(items.count);
    this.#cardWidth = Number.isInteger(cards) && cards <= mostCards ? cards + 1 : 1;
    this.#cells = new Float64Array((items.count + 1) * this.#cardWidth * (slotCount + 1));
  }

  /** Worth that the items from a position on do not exceed with so many cards and slots. */
  promised(position: number, cards: number, slots: number): number {
    const cardsLeft = this.#cardWidth > 1 ? Math.ceil(cards) : 0;
    return certain(this.#cells[(position * this.#cardWidth + cardsLeft) * (slotCount + 1) + slots]);
  }

  /** Fills the table for the items' order and worths; gives its steps. */
  build(weights: Float64Array): number {
    const { order, worths, most, needs } = this.#items;
    this.#countSlots(weights);
    const cells = this.#cells;
    const rowLength = this.#cardWidth * (slotCount + 1);
    cells.fill(0, order.length * rowLength, (order.length + 1) * rowLength);
    let steps = rowLength * order.length;
    for (let position = order.length - 1; position >= 0; position--) {
      const item = certain(order[position]);
      const cards = this.#cardWidth > 1 ? Math.floor(certain(needs[item * resourceCount])) : 0;
      const slots = certain(this.slots[item]);
      const worth = certain(worths[item]);
      const mostHeld = certain(most[item]);
      let cell = position * rowLength;
      for (let cardsLeft = 0; cardsLeft < this.#cardWidth; cardsLeft++) {
        for (let slotsLeft = 0; slotsLeft <= slotCount; slotsLeft++, cell++) {
          let behind = cell + rowLength;
          let best = certain(cells[behind]);
          for (let count = 1; count <= mostHeld; count++) {
            if (count * cards > cardsLeft || count * slots > slotsLeft) break;
            behind -= cards * (slotCount + 1) + slots;
            best = Math.max(best, certain(cells[behind]) + count * worth);
            steps++;
          }
          cells[cell] = best;
        }
      }
    }
    return steps;
  }

  /** All resources that are not told apart, weighed together. */
  #countSlots(weights: Float64Array): void {
    const first = this.#cardWidth > 1 ? 1 : 0;
    let sum = 0;
    for (let resource = first; resource < resourceCount; resource++) sum += certain(weights[resource]);
    for (const item of this.#items.order) {
      const share = this.#items.share(item, weights, first) / sum;
      this.slots[item] = Math.max(0, Math.ceil((slotCount + 1) * share - 1e-9) - 1);
    }
  }
}
