// Proximal policy optimization of the controller (Schulman and others, 2017, equation 7), one batch of rewarded
// architectures at a time.
// ppo-strategy.ts collects the batches and computes the advantages.

import { tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { minimum } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { type Adam, clipByGlobalNorm } from '../nn/optimizers.ts';
import { type DecisionKind, decisionKind } from '../space/decisions.ts';
import type { Controller } from './controller.ts';
import type { PpoOptions } from './options.ts';
import { type Evaluation, Replay } from './replay.ts';
import type { Sample } from './sampler.ts';

/** A sampled architecture and its advantage: its reward minus the baseline. */
export interface RewardedSample extends Sample {
  advantage: number;
}

/**
 * Returns the clipped objective, which training maximises. Each decision has its own ratio and clip, like an action in
 * PPO; all decisions of an architecture share its advantage.
 */
export function clippedObjective(
  logProbs: Tensor, // [samples, decisions]
  oldLogProbs: Tensor, // [samples, decisions] when they were sampled
  advantages: Tensor, // [samples, 1]
  clipRange: number,
): Tensor {
  const ratio = logProbs.sub(oldLogProbs).exp(); // [samples, decisions]
  const clipped = ratio.clamp(1 - clipRange, 1 + clipRange).mul(advantages);
  return minimum(ratio.mul(advantages), clipped).mean();
}

/** The distance of the policy from the one that sampled a batch, and its entropy. */
export interface PolicyFigures {
  /** Estimated Kullback-Leibler divergence of the sampling policy from the current one, in nats per architecture. */
  kl: number;
  /** Share of decisions whose ratio is outside 1 ± clipRange. */
  clipFraction: number;
  /** The entropy in nats per architecture, summed over its decisions. */
  entropy: number;
  /**
   * The entropy of decisions on inputs, operations and combiners relative to a uniform policy's, 0 to 1; 0 without such
   * decisions.
   */
  inputEntropy: number;
  operationEntropy: number;
  combinerEntropy: number;
}

export interface UpdateFigures extends PolicyFigures {
  /** kl before the update: 0 if there was no update between the samples' ask and tell. */
  staleKl: number;
  /** Global norm of the last epoch's gradient, before clipping. */
  gradientNorm: number;
}

/**
 * Trains the controller on a batch: `epochs` gradient steps, each on the whole batch. Returns the figures after the
 * last step.
 */
export function update(
  controller: Controller,
  optimizer: Adam,
  batch: readonly RewardedSample[],
  options: PpoOptions,
): UpdateFigures {
  return scope(() => {
    const replay = new Replay(
      controller,
      batch.map((sample) => sample.decisions),
    );
    const { oldLogProbs, advantages } = constants(batch);
    let staleKl = 0;
    let gradientNorm = 0;
    for (let epoch = 0; epoch < options.epochs; epoch++) {
      scope(() => {
        const evaluation = replay.evaluate();
        const objective = clippedObjective(evaluation.logProbs, oldLogProbs, advantages, options.clipRange);
        replay.backward(objective.add(evaluation.entropies.mean().mul(options.entropyWeight)).neg());
        gradientNorm = clipByGlobalNorm(controller.parameters(), options.clipNorm).item();
        optimizer.step(options.learningRate);
        if (epoch === 0) staleKl = measure(evaluation, oldLogProbs, controller.sizes, options.clipRange).kl;
      });
    }
    const after = noGrad(() => measure(replay.evaluate(), oldLogProbs, controller.sizes, options.clipRange));
    return { ...after, staleKl, gradientNorm };
  });
}

function constants(batch: readonly RewardedSample[]): { oldLogProbs: Tensor; advantages: Tensor } {
  const oldLogProbs = Float32Array.from(batch.flatMap((sample) => sample.logProbs));
  const advantages = Float32Array.from(batch, (sample) => sample.advantage);
  return {
    oldLogProbs: tensor(oldLogProbs, [batch.length, oldLogProbs.length / batch.length]),
    advantages: tensor(advantages, [batch.length, 1]),
  };
}

/**
 * Returns the figures of a policy on architectures that another policy sampled. Estimates the divergence by ratio − 1 −
 * log ratio.
 */
export function measure(
  { logProbs, entropies }: Evaluation,
  oldLogProbs: Tensor, // [samples, decisions]
  sizes: readonly number[],
  clipRange: number,
): PolicyFigures {
  return noGrad(() => {
    const logRatio = logProbs.sub(oldLogProbs); // [samples, decisions]
    const ratio = logRatio.exp();
    const kl = ratio.sub(1).sub(logRatio).sum(1).mean();
    const outside = ratio.sub(1).abs().gt(clipRange).to('float32').mean();
    const perDecision = Array.from(entropies.mean(0).toArray(), Number); // [decisions]
    const entropy = perDecision.reduce((sum, each) => sum + each, 0);
    return { kl: kl.item(), clipFraction: outside.item(), entropy, ...entropyByKind(perDecision, sizes) };
  });
}

function entropyByKind(entropies: readonly number[], sizes: readonly number[]) {
  const share = (kind: DecisionKind) => {
    const places = sizes.flatMap((_, index) => (decisionKind(index) === kind ? [index] : []));
    const sum = (values: (index: number) => number) => places.reduce((total, index) => total + values(index), 0);
    const uniform = sum((index) => Math.log(sizes[index]!));
    return uniform === 0 ? 0 : sum((index) => entropies[index]!) / uniform;
  };
  return { inputEntropy: share('input'), operationEntropy: share('operation'), combinerEntropy: share('combiner') };
}
