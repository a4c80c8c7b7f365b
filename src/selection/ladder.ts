// Asynchronous successive halving (Li et al. 2020, algorithm 2): who of those that finished a rung is trained at the next one. A pure
// rule over members and rewards; it knows no trials, files or workers.

import type { Promotion } from '../study/rungs.ts';

export interface LadderRule {
  /** How many rungs there are, the lowest included. */
  rungs: number;
  /** η: one in so many that finished a rung goes up. */
  reduction: number;
  /** Lots, the same whenever they are asked for: whether a member of a rung goes up from it whatever its reward. */
  drawn?: (member: number, rung: number) => boolean;
}

interface Finisher {
  member: number;
  reward: number;
  drawn: boolean;
  promoted: boolean;
}

export class Ladder {
  readonly #rule: LadderRule;
  /** Of each rung but the last: who finished it, best first, of equal ones the lower number first. */
  readonly #finishers: Finisher[][];
  readonly #members: Map<number, Finisher>[];
  /** Of each rung: how many were promoted to it and have not finished it. */
  readonly #climbing: number[];

  constructor(rule: LadderRule) {
    this.#rule = rule;
    this.#finishers = Array.from({ length: rule.rungs - 1 }, () => []);
    this.#members = this.#finishers.map(() => new Map());
    this.#climbing = Array(rule.rungs).fill(0);
  }

  /** A member has finished a rung: the lowest one unasked, a higher one after its promotion. */
  finish(member: number, rung: number, reward: number): void {
    this.leave(rung);
    const finishers = this.#finishers[rung];
    if (!finishers) return; // there is nothing above the last rung
    const finisher = { member, reward, drawn: this.#rule.drawn?.(member, rung) ?? false, promoted: false };
    finishers.splice(placeOf(finisher, finishers), 0, finisher);
    this.#members[rung]!.set(member, finisher);
  }

  /** A promoted member will never finish that rung: its training failed. */
  leave(rung: number): void {
    if (rung > 0) this.#climbing[rung]!--;
  }

  has(member: number): boolean {
    return this.#members[0]!.has(member);
  }

  promote({ member, rung }: Promotion): void {
    this.#members[rung - 1]!.get(member)!.promoted = true;
    this.#climbing[rung]!++;
  }

  /**
   * The promotion that is due: from the highest rung that has one, the best of those in its top 1/η that were not promoted yet, and
   * where there is none, one that a lot fell on.
   */
  next(): Promotion | undefined {
    for (let rung = this.#finishers.length - 1; rung >= 0; rung--) {
      const finishers = this.#finishers[rung]!;
      const top = this.#top(finishers.length);
      const last = this.#rule.drawn ? finishers.length : top;
      for (let place = 0; place < last; place++) {
        const { member, promoted, drawn } = finishers[place]!;
        if (!promoted && (place < top || drawn)) return { member, rung: rung + 1, drawn: place >= top };
      }
    }
    return undefined;
  }

  /**
   * Who may still be promoted, and from which rung, if at most `arrivals` more finish the lowest rung: the others can never again be
   * among the best 1/η, since a place only gets worse.
   */
  hopefuls(arrivals: number): { member: number; rung: number }[] {
    let coming = arrivals;
    return this.#finishers.flatMap((finishers, rung) => {
      coming += this.#climbing[rung]!;
      const top = this.#top(finishers.length + coming);
      const hopeful = finishers.filter(({ promoted, drawn }, place) => !promoted && (place < top || drawn));
      coming += hopeful.length; // each of them, and each that comes, may go on to the next rung
      return hopeful.map(({ member }) => ({ member, rung }));
    });
  }

  #top(finished: number): number {
    return Math.floor(finished / this.#rule.reduction);
  }
}

/** Where a finisher belongs among others that are in their order. */
function placeOf({ member, reward }: Finisher, others: readonly Finisher[]): number {
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = others[middle]!;
    if (other.reward > reward || (other.reward === reward && other.member < member)) low = middle + 1;
    else high = middle;
  }
  return low;
}
