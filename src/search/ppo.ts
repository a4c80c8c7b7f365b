// Proximal policy optimization of the controller (Schulman and others, 2017, equation 7), one batch of rewarded
// architectures at a time. Which trials make a batch, and what their advantages are, ppo-strategy.ts decides.

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

/** A drawn architecture, and by how much its reward was above the baseline. */
export interface RewardedSample extends Sample {
  advantage: number;
}

/**
 * The clipped objective, to be made large. Each decision has its own ratio and its own clip, as each action has in
 * PPO; they share their architecture's advantage.
 */
export function clippedObjective(
  logProbs: Tensor, // [samples, decisions]
  oldLogProbs: Tensor, // [samples, decisions] at the time of drawing
  advantages: Tensor, // [samples, 1]
  clipRange: number,
): Tensor {
  const ratio = logProbs.sub(oldLogProbs).exp(); // [samples, decisions]
  const clipped = ratio.clamp(1 - clipRange, 1 + clipRange).mul(advantages);
  return minimum(ratio.mul(advantages), clipped).mean();
}

/** How far the policy is from the one that drew a batch, and how much it still leaves to chance. */
export interface PolicyFigures {
  /** Estimated Kullback-Leibler divergence of the drawing policy from the present one, in nats per architecture. */
  kl: number;
  /** Share of decisions whose ratio lies outside 1 ± clipRange. */
  clipFraction: number;
  /** In nats per architecture: the sum over its decisions. */
  entropy: number;
  /** What is left of the uniform policy's entropy, 0 to 1: of the decisions on inputs, on operations, on combiners; 0 without any. */
  inputEntropy: number;
  operationEntropy: number;
  combinerEntropy: number;
}

export interface UpdateFigures extends PolicyFigures {
  /** kl before the update: 0 if no update came between drawing and telling. */
  staleKl: number;
  /** Global norm of the last pass, before clipping. */
  gradientNorm: number;
}

/** Gradient steps on one batch, `epochs` of them, each on the whole batch. The figures are those after the last one. */
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

/** Figures of a policy on architectures that another one drew. The divergence is estimated by ratio − 1 − log ratio. */
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
