// A custom strategy: hill climbing, which changes one decision of the best architecture so far. It is a deterministic
// state machine whose whole state can be saved, so a study continues after a kill with the same decisions.

import { defineStrategy, type Outcome, openStudy, planNetwork, RandomStream, type Strategy } from 'nasnet';

class HillClimbing implements Strategy {
  readonly name = 'hill-climbing';
  readonly #sizes: readonly number[];
  readonly #random: RandomStream;
  #best: { decisions: number[]; reward: number } | undefined;
  #asked = new Map<number, number[]>();

  constructor(sizes: readonly number[], seed: number | string) {
    this.#sizes = sizes;
    this.#random = new RandomStream(seed).split('hill climbing');
  }

  ask(trial: number): number[] {
    const random = this.#random.split(`trial ${trial}`); // depends only on seed and trial
    const decisions = this.#best ? [...this.#best.decisions] : this.#sizes.map((size) => random.integer(size));
    if (this.#best) {
      const place = random.integer(decisions.length);
      decisions[place] = random.integer(this.#sizes[place]!);
    }
    this.#asked.set(trial, decisions);
    return decisions;
  }

  tell(trial: number, outcome: Outcome): undefined {
    const decisions = this.#asked.get(trial)!;
    this.#asked.delete(trial);
    if ('reward' in outcome && outcome.reward >= (this.#best?.reward ?? 0))
      this.#best = { decisions, reward: outcome.reward };
  }

  save(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify({ best: this.#best, asked: [...this.#asked] }));
  }

  load(bytes: Uint8Array): void {
    const { best, asked } = JSON.parse(new TextDecoder().decode(bytes));
    this.#best = best;
    this.#asked = new Map(asked);
  }
}

const hillClimbing = defineStrategy('hill-climbing', ({ sizes, seed }) => new HillClimbing(sizes, seed));

using study = openStudy('hill.db', { strategy: hillClimbing, trials: 200 });
for (const trial of study.trials()) {
  const { trainableParameters } = planNetwork(trial.architecture, { cells: 1, filters: 8 });
  trial.tell({ reward: 1000 / trainableParameters }); // the smallest network
}
const rewards = study.records().map(({ reward }) => reward!);
console.log(`first ${rewards[0]!.toFixed(3)}, best ${Math.max(...rewards).toFixed(3)} of ${rewards.length}`);
