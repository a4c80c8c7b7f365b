// A strategy whose every decision depends on all asks and tells before it and on their order: the slightest difference
// between two histories shows in all that follows.

import type { Outcome, Strategy, UpdateFigures } from '../../src/search/strategy.ts';

const decisionsPerTrial = 6;

/** MurmurHash3's mixing of one more 32-bit word into a state. */
function mix(state: number, word: number): number {
  let hash = Math.imul(state ^ word, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export class ChainStrategy implements Strategy {
  readonly name = 'chain';
  #state: number;
  #tells = 0;

  constructor(seed: number) {
    this.#state = mix(0x9e3779b9, seed);
  }

  ask(trial: number): number[] {
    this.#state = mix(this.#state, trial);
    return Array.from({ length: decisionsPerTrial }, (_, place) => mix(this.#state, place) % 13);
  }

  tell(trial: number, outcome: Outcome): UpdateFigures | undefined {
    const word = 'reward' in outcome ? Math.floor(outcome.reward * 2 ** 32) : outcome.failed.length;
    this.#state = mix(mix(this.#state, trial), word);
    this.#tells++;
    return this.#tells % 20 === 0 ? { updates: this.#tells / 20 } : undefined;
  }

  save(): Uint8Array {
    return new Uint8Array(Uint32Array.of(this.#state, this.#tells).buffer);
  }

  load(bytes: Uint8Array): void {
    if (bytes.length !== 8) throw new Error(`expected 8 bytes, got ${bytes.length}`);
    [this.#state, this.#tells] = new Uint32Array(bytes.slice().buffer) as unknown as [number, number];
  }
}

/** A reward from 0 to 1 that depends on the decisions alone; NaN for one vector of decisions in twelve. */
export function rewardOf(decisions: readonly number[]): number {
  const hash = decisions.reduce(mix, 17);
  return hash % 12 === 0 ? Number.NaN : hash / 2 ** 32;
}

/** How long a trial takes in some unit, from 1 to 9: different for neighbours, so that trials overtake each other. */
export const durationOf = (trial: number): number => 1 + (mix(99, trial) % 9);
