// Computes scores of cells that need no training, and correlates them with the rewards of the same cells in a study.
//   gunzip -k docs/experiments/figure-6-first.db.gz
//   node bench/training-free.ts docs/experiments/figure-6-first.db [CELLS] [SEED]     (default 250 and 1)
// The cells are random ones of the study, built as its children, with one batch of its training images.
// - gradient norm, SNIP: the norm of the loss's gradient; Σ |weight · gradient| (Abdelfattah et al., Zero-Cost Proxies
//   for Lightweight NAS, 2021)
// - synflow: log Σ |weight · gradient| of the sum of the logits of an image of ones, with absolute weights and without
//   batch statistics (Tanaka et al. 2020)
// - Jacobian: how different the gradients of the logits are for different images (Mellor et al., Neural Architecture
//   Search without Training, 2020, first version)

import { Child } from '../src/children/child-network.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openTrainingImages, trainingBatches } from '../src/data/training-images.ts';
import { ones } from '../src/engine/create.ts';
import { onCpu } from '../src/engine/device.ts';
import { clearGradients, gradients } from '../src/engine/gradient.ts';
import { setThreads } from '../src/engine/machine.ts';
import { noGrad, scope } from '../src/engine/memory.ts';
import { crossEntropy } from '../src/engine/operators.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { RandomStream } from '../src/random/stream.ts';
import { CellFeatures } from '../src/search/cell-features.ts';
import { LinearRegression, predict } from '../src/search/linear-regression.ts';
import { decisionSizes, decode } from '../src/space/decisions.ts';
import { defaultSpace } from '../src/space/search-space.ts';
import { rankCorrelation } from '../src/statistics/kendall.ts';
import { mean } from '../src/statistics/order.ts';
import { openSearch } from '../src/study/parse-settings.ts';
import { variance } from './proxy-children.ts';

const [path, cellsText = '250', seedText = '1'] = process.argv.slice(2);
if (!path) throw new Error('expected the path of a study');
const [count, seed] = [Number(cellsText), Number(seedText)];
const epsilon = 1e-5; // added to the eigenvalues of the Jacobian's correlations (Mellor et al.)
const splits = 20; // of the cells into known and predicted ones

setThreads(1);
using study = openSearch(path, { readOnly: true });
const { settings } = study;
const { child, blocks, space = defaultSpace } = settings;
const arms = settings.strategy.split(',');
const random = study
  .trials()
  .filter(({ number, reward }) => arms[number % arms.length] === 'random' && reward !== null);
const order = [...new RandomStream(seed).shuffle(random.length)].map((index) => random[index]!);
const [cells, others] = [order.slice(0, count), order.slice(count)];

const files = await prepareCifar10();
const images = await openTrainingImages(files, {
  resolution: child.resolution,
  device: 'cpu',
  seed: settings.seed,
  ...(settings.validationImages && { validation: settings.validationImages }),
  ...(child.trainingImages && { training: child.trainingImages }),
});
const batch = trainingBatches(images, child.recipe, seed).batch(0, 0);

const scores: Record<string, number>[] = [];
let seconds = 0;
for (const [index, { decisions }] of cells.entries()) {
  const started = performance.now();
  scores.push(scope(() => scoresOf(decisions, index)));
  seconds += (performance.now() - started) / 1000;
  if (process.stderr.isTTY) process.stderr.write(`\r${index + 1} of ${count} cells`);
}
printTable();

function scoresOf(decisions: readonly number[], index: number): Record<string, number> {
  const options = { classes: files.classes.length, seed: `${seed} ${index}`, computing: onCpu };
  using built = new Child(decode(decisions, space), child, options);
  const { network, plan } = built;
  const parameters = network.parameters();
  const input = batch.images.mul(1);
  input.requiresGrad = true;
  const { logits } = network.forward(input);
  const [byImage] = gradients(logits.sum(), [input]) as [Tensor];
  const loss = crossEntropy(network.forward(batch.images).logits, batch.labels);
  const byWeight = gradients(loss, parameters);
  return {
    'log parameters': Math.log(plan.trainableParameters),
    'log multiply-adds': Math.log(plan.multiplyAdds),
    'log gradient norm': Math.log(Math.sqrt(total(byWeight, (gradient) => gradient.mul(gradient)))),
    'log SNIP': Math.log(total(byWeight, (gradient, place) => gradient.mul(parameters[place]!.detach()).abs())),
    synflow: synflow(),
    Jacobian: jacobianScore(byImage),
  };

  function synflow(): number {
    clearGradients(parameters);
    network.train(false);
    noGrad(() => {
      for (const weights of parameters) weights.copy_(weights.abs());
    });
    const [, ...sides] = batch.images.shape;
    const output = network.forward(ones([1, ...sides])).logits.sum();
    const flow = gradients(output, parameters);
    return Math.log(total(flow, (gradient, place) => gradient.mul(parameters[place]!.detach()).abs()));
  }
}

function total(tensors: readonly (Tensor | undefined)[], value: (tensor: Tensor, place: number) => Tensor): number {
  return tensors.reduce((sum, each, place) => sum + (each ? value(each, place).sum().item() : 0), 0);
}

/** Returns −Σ log λ + 1 / λ over the eigenvalues of the correlations of the images' gradients [images, …]. */
function jacobianScore(gradient: Tensor): number {
  const [rows, length] = [gradient.shape[0]!, gradient.shape.slice(1).reduce((product, side) => product * side, 1)];
  const numbers = gradient.contiguous().toArray() as Float32Array;
  const vectors = Array.from({ length: rows }, (_, row) =>
    standardised(numbers.subarray(row * length, (row + 1) * length)),
  );
  const correlations = vectors.map((one) =>
    vectors.map((other) => one.reduce((sum, value, at) => sum + value * other[at]!, 0)),
  );
  return -eigenvalues(correlations).reduce((sum, value) => {
    const shifted = Math.max(0, value) + epsilon;
    return sum + Math.log(shifted) + 1 / shifted;
  }, 0);
}

/** Returns the values minus their mean, with a norm of 1. */
function standardised(values: Float32Array): number[] {
  const middle = mean([...values]);
  const centred = [...values].map((value) => value - middle);
  const norm = Math.hypot(...centred) || 1;
  return centred.map((value) => value / norm);
}

/** Returns the eigenvalues of a symmetric matrix by cyclic Jacobi rotations. */
function eigenvalues(symmetric: readonly (readonly number[])[]): number[] {
  const a = symmetric.map((row) => [...row]);
  const size = a.length;
  for (let sweep = 0; sweep < 12; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (Math.abs(a[p]![q]!) < 1e-12) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cosine = 1 / Math.sqrt(t * t + 1);
        const sine = t * cosine;
        for (let k = 0; k < size; k++) {
          const [kp, kq] = [a[k]![p]!, a[k]![q]!];
          [a[k]![p], a[k]![q]] = [cosine * kp - sine * kq, sine * kp + cosine * kq];
        }
        for (let k = 0; k < size; k++) {
          const [pk, qk] = [a[p]![k]!, a[q]![k]!];
          [a[p]![k], a[q]![k]] = [cosine * pk - sine * qk, sine * pk + cosine * qk];
        }
      }
    }
  }
  return a.map((row, index) => row[index]!);
}

/**
 * Prints each score's τ with the rewards; with what a surrogate of all other random cells leaves unexplained; and the τ
 * of a surrogate that learns from half of the cells, without and with the score as a feature.
 */
function printTable(): void {
  const features = new CellFeatures(decisionSizes(blocks, space), space, new RandomStream('cell features'));
  const rewards = cells.map(({ reward }) => reward!);
  const known = new LinearRegression(features.count);
  for (const { decisions, reward } of others) known.observe(features.of(decisions), reward!);
  const weights = known.posterior().mean;
  const rows = cells.map(({ decisions }) => features.of(decisions));
  const left = rewards.map((reward, index) => reward - predict(weights, rows[index]!));
  const each = (seconds / count).toFixed(2);
  console.log(`${count} random cells, ${others.length} others for the surrogate; ${each} s a cell for all scores\n`);
  console.log(
    '| score | τ with the reward (95%) | τ with the surrogate’s residual (95%) | surrogate of half the cells, with it |',
  );
  console.log('| --- | --- | --- | --- |');
  console.log(
    `| (surrogate of ${others.length}) | ${tauOf(
      rewards.map((reward, at) => reward - left[at]!),
      rewards,
    )} | | ${halves(rows, rewards)} |`,
  );
  for (const name of Object.keys(scores[0]!)) {
    const values = scores.map((score) => score[name]!);
    const [middle, spread] = [mean(values), Math.sqrt(variance(values)) || 1];
    const more = rows.map((row, index) => [...row, (2 * (values[index]! - middle)) / spread]);
    console.log(`| ${name} | ${tauOf(values, rewards)} | ${tauOf(values, left)} | ${halves(more, rewards)} |`);
  }
}

function tauOf(values: readonly number[], rewards: readonly number[]): string {
  const correlation = rankCorrelation(values, rewards);
  if (!correlation) return '–';
  const [tau, low, high] = [correlation.tau, correlation.low, correlation.high].map((value) => value.toFixed(2));
  return `${tau} (${low} to ${high})`;
}

/** Returns the mean τ of predictions for one half of the cells by the other. */
function halves(rows: readonly number[][], rewards: readonly number[]): string {
  const taus = Array.from({ length: splits }, (_, split) => {
    const places = [...new RandomStream(`split ${split}`).shuffle(rows.length)];
    const [training, test] = [places.slice(0, rows.length / 2), places.slice(rows.length / 2)];
    const regression = new LinearRegression(rows[0]!.length);
    for (const place of training) regression.observe(rows[place]!, rewards[place]!);
    const weights = regression.posterior().mean;
    const predicted = test.map((place) => predict(weights, rows[place]!));
    return rankCorrelation(
      predicted,
      test.map((place) => rewards[place]!),
    )!.tau;
  });
  return mean(taus).toFixed(3);
}
