// A candidate: the decisions of a cell in its space, and what follows from them. Architecture, key and plans are computed at their first use and cached.

import type { Plan } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import { architectureKey } from '../space/canonical.ts';
import { decode } from '../space/decisions.ts';
import { defaultSpace, type Space } from '../space/search-space.ts';
import type { Training } from './settings.ts';
import { networkOf, type TrainedNetwork, trainedPlan, usedPlan } from './training-plan.ts';

export class Candidate {
  readonly decisions: readonly number[];
  readonly space: Space;
  #architecture: Architecture | undefined;
  #key: string | undefined;
  readonly #plans = new Map<string, Plan>();

  constructor(decisions: readonly number[], space: Space = defaultSpace) {
    this.decisions = decisions;
    this.space = space;
  }

  /** @throws InputError if the decisions are not of the space */
  get architecture(): Architecture {
    this.#architecture ??= decode(this.decisions, this.space);
    return this.#architecture;
  }

  /** Canonical key: equal for two candidates if and only if their architectures are the same network. */
  get key(): string {
    this.#key ??= architectureKey(this.architecture);
    return this.#key;
  }

  /** Returns the plan of the network in training, with an auxiliary head if its recipe has one. */
  trainedPlan(training: Training, classes: number): Plan {
    const auxiliary = training.recipe.auxiliaryWeight > 0;
    return this.#plan({ training, classes, auxiliary }, () => trainedPlan(this.architecture, training, classes));
  }

  /** Returns the plan of the network in inference, without an auxiliary head. */
  usedPlan(training: TrainedNetwork, classes: number): Plan {
    return this.#plan({ training, classes, auxiliary: false }, () => usedPlan(this.architecture, training, classes));
  }

  #plan(
    { training, ...others }: { training: TrainedNetwork; classes: number; auxiliary: boolean },
    make: () => Plan,
  ): Plan {
    const key = JSON.stringify({ network: networkOf(training), ...others }); // trainings that differ only in their recipes share a plan
    const plan = this.#plans.get(key) ?? make();
    this.#plans.set(key, plan);
    return plan;
  }
}
