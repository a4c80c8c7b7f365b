// A child: a network in training with its optimizer. training-job.ts trains it.

import type { Computing } from '../engine/device.ts';
import { buildNetwork, type Network } from '../model/network.ts';
import type { Optimizer } from '../nn/optimizers.ts';
import type { SumOver } from '../nn/synchronised-norm.ts';
import type { Plan } from '../plan/plan.ts';
import { RandomStream } from '../random/stream.ts';
import type { Architecture } from '../space/architecture.ts';
import type { Training } from '../study/settings.ts';
import { trainedPlan } from '../study/training-plan.ts';
import type { InTraining } from '../train/checkpoint.ts';
import { createOptimizer } from '../train/optimizer.ts';

export interface ChildOptions {
  classes: number;
  /** Seed of the initial weights. */
  seed: number | string;
  computing: Computing;
  /** Norms use the images of all processes that this function sums over. Default: of this one. */
  sumOver?: SumOver | undefined;
}

export class Child implements InTraining, Disposable {
  readonly plan: Plan;
  readonly network: Network;
  readonly optimizer: Optimizer;

  constructor(architecture: Architecture, training: Training, { classes, seed, computing, sumOver }: ChildOptions) {
    const { recipe } = training;
    this.plan = trainedPlan(architecture, training, classes);
    this.network = buildNetwork(this.plan, {
      seed: new RandomStream(seed).split('weights').integer(2 ** 31),
      dropPathKeep: recipe.dropPathKeep,
      ...(recipe.dropPathRule && { dropPathRule: recipe.dropPathRule }),
      ...(recipe.dropoutKeep !== undefined && { dropoutKeep: recipe.dropoutKeep }),
      ...(recipe.normDecay !== undefined && { normDecay: recipe.normDecay }),
      ...(sumOver && { sumOver }),
      ...computing,
      exactEvaluation: true,
    });
    this.optimizer = createOptimizer(this.network, recipe);
  }

  /** Copies weights, moving statistics and momentum from another child. @throws InputError if shapes differ */
  copyFrom({ network, optimizer }: Child): void {
    this.network.loadStateDict(network.stateDict());
    this.optimizer.load(optimizer.state(), optimizer.stepsTaken);
  }

  [Symbol.dispose](): void {
    this.optimizer.dispose();
    this.network.dispose();
  }
}
