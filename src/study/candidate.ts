// A candidate: the decisions of a cell in its space, and what follows from them. Architecture, key and plans are
// computed at their first use and cached.

import { type Plan, type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import { architectureKey } from '../space/canonical.ts';
import { decode } from '../space/decisions.ts';
import { defaultSpace, type Space } from '../space/search-space.ts';
import type { Training } from './settings.ts';
import { type CellPlans, type TrainedNetwork, trainedOptions, usedOptions } from './training-plan.ts';

export class Candidate implements CellPlans {
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
    return this.#plan(trainedOptions(training, classes));
  }

  /** Returns the plan of the network in inference, without an auxiliary head. */
  usedPlan(training: TrainedNetwork, classes: number): Plan {
    return this.#plan(usedOptions(training, classes));
  }

  /** Trainings that differ only in their recipes share a plan. */
  #plan(options: PlanOptions): Plan {
    const key = JSON.stringify(options);
    const plan = this.#plans.get(key) ?? planNetwork(this.architecture, options);
    this.#plans.set(key, plan);
    return plan;
  }
}
