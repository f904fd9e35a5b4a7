/** A place in a `WaitingLine`, good for leaving it from the middle. */
export interface Place<T> {
  readonly item: T;
}

interface LinkedPlace<T> extends Place<T> {
  readonly lane: Lane<T>;
  ahead: LinkedPlace<T> | undefined;
  behind: LinkedPlace<T> | undefined;
}

/** Those of one priority, in the order of their arrival. Never empty while it is in the line. */
interface Lane<T> {
  readonly priority: number;
  first: LinkedPlace<T> | undefined;
  last: LinkedPlace<T> | undefined;
}

/**
 * Who waits, ordered by priority (the lower number first) and by arrival within. All operations take constant time in
 * the number of those who wait, and linear time in the number of different priorities, of which a platform has a few.
 * The caller removes a place at most once.
 */
export class WaitingLine<T> {
  /** The most important one first. */
  readonly #lanes: Lane<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whose turn is next. */
  get first(): Place<T> | undefined {
    return this.#lanes[0]?.first;
  }

  /** Who can be done without first: the one of the least important that has waited the shortest time. */
  get last(): Place<T> | undefined {
    return this.#lanes.at(-1)?.last;
  }

  /** The priority of `last`: a higher number than that of all others. */
  get lowestPriority(): number | undefined {
    return this.#lanes.at(-1)?.priority;
  }

  add(priority: number, item: T): Place<T> {
    const lane = this.#lane(priority);
    const place: LinkedPlace<T> = { item, lane, ahead: lane.last, behind: undefined };
    if (lane.last) lane.last.behind = place;
    else lane.first = place;
    lane.last = place;
    this.#size++;
    return place;
  }

  remove(place: Place<T>): void {
    // Every place was made by `add`; the interface only hides the links.
    const linked = place as LinkedPlace<T>;
    const { lane, ahead, behind } = linked;
    // One that has grown old would keep all who came behind it from the cheap garbage collection.
    linked.ahead = undefined;
    linked.behind = undefined;
    if (ahead) ahead.behind = behind;
    else lane.first = behind;
    if (behind) behind.ahead = ahead;
    else lane.last = ahead;
    if (!lane.first) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    this.#size--;
  }

  #lane(priority: number): Lane<T> {
    const at = this.#lanes.findIndex((lane) => lane.priority >= priority);
    const found = this.#lanes[at];
    if (found?.priority === priority) return found;
    const lane: Lane<T> = { priority, first: undefined, last: undefined };
    this.#lanes.splice(at < 0 ? this.#lanes.length : at, 0, lane);
    return lane;
  }
}
