// Asynchronous successive halving (Li et al. 2020, algorithm 2): decides which members of a rung are promoted to the
// next one. It depends on members and rewards only, not on trials, files or workers.

import type { Promotion } from '../study/rungs.ts';

export interface LadderRule {
  /** The number of rungs, including the lowest. */
  rungs: number;
  /** η: the best 1/η of the members that finished a rung are promoted. */
  reduction: number;
  /**
   * Whether a member is promoted from a rung at random, whatever its reward. Must return the same for the same
   * arguments.
   */
  atRandom?: (member: number, rung: number) => boolean;
}

interface Finisher {
  member: number;
  reward: number;
  atRandom: boolean;
  promoted: boolean;
}

export class Ladder {
  readonly #rule: LadderRule;
  /** The members that finished each rung except the last, best first; of equal ones the lower number first. */
  readonly #finishers: Finisher[][];
  readonly #members: Map<number, Finisher>[];
  /** The number of members that were promoted to each rung and have not finished it. */
  readonly #running: number[];

  constructor(rule: LadderRule) {
    this.#rule = rule;
    this.#finishers = Array.from({ length: rule.rungs - 1 }, () => []);
    this.#members = this.#finishers.map(() => new Map());
    this.#running = Array(rule.rungs).fill(0);
  }

  /** Records that a member has finished a rung: the lowest one, or one that it was promoted to. */
  finish(member: number, rung: number, reward: number): void {
    this.leave(rung);
    const finishers = this.#finishers[rung];
    if (!finishers) return;
    const finisher = { member, reward, atRandom: this.#rule.atRandom?.(member, rung) ?? false, promoted: false };
    finishers.splice(insertionIndex(finisher, finishers), 0, finisher);
    this.#members[rung]!.set(member, finisher);
  }

  /** Records that a promoted member will never finish that rung because its training failed. */
  leave(rung: number): void {
    if (rung > 0) this.#running[rung]!--;
  }

  has(member: number): boolean {
    return this.#members[0]!.has(member);
  }

  promote({ member, rung }: Promotion): void {
    this.#members[rung - 1]!.get(member)!.promoted = true;
    this.#running[rung]!++;
  }

  /**
   * Returns the next promotion: from the highest rung with a promotable member, the best of its top 1/η that is not
   * promoted yet; if there is none, a member that is promoted at random.
   */
  next(): Promotion | undefined {
    for (let rung = this.#finishers.length - 1; rung >= 0; rung--) {
      const finishers = this.#finishers[rung]!;
      const top = this.#top(finishers.length);
      const last = this.#rule.atRandom ? finishers.length : top;
      for (let place = 0; place < last; place++) {
        const { member, promoted, atRandom } = finishers[place]!;
        if (!promoted && (place < top || atRandom)) return { member, rung: rung + 1, atRandom: place >= top };
      }
    }
    return undefined;
  }

  /**
   * Returns the members that may still be promoted, and from which rung, if at most `arrivals` more members finish the
   * lowest rung. The others can never be among the best 1/η again, since a member's place only gets worse.
   */
  promotable(arrivals: number): { member: number; rung: number }[] {
    let coming = arrivals;
    return this.#finishers.flatMap((finishers, rung) => {
      coming += this.#running[rung]!;
      const top = this.#top(finishers.length + coming);
      const candidates = finishers.filter(({ promoted, atRandom }, place) => !promoted && (place < top || atRandom));
      coming += candidates.length; // each of them, and each that comes, may be promoted to the next rung
      return candidates.map(({ member }) => ({ member, rung }));
    });
  }

  #top(finished: number): number {
    return Math.floor(finished / this.#rule.reduction);
  }
}

/** Returns the index at which a finisher is inserted into a sorted list. */
function insertionIndex({ member, reward }: Finisher, others: readonly Finisher[]): number {
  let [low, high] = [0, others.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = others[middle]!;
    if (other.reward > reward || (other.reward === reward && other.member < member)) low = middle + 1;
    else high = middle;
  }
  return low;
}
