// Predicted costs of a child: laws of any prediction, its correction by finished children, and its storage in the
// study.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { latencyTerms, lawValue, memoryTerms, startingLaws, trainingTerms } from '../../src/forecast/cost-law.ts';
import { childTerms, type TermsOf } from '../../src/forecast/equal-cost.ts';
import { predictionOf, storePrediction } from '../../src/forecast/learning.ts';
import { costOf, Prediction, TrainingTerms } from '../../src/forecast/prediction.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { planWork, weightCount } from '../../src/plan/plan-work.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decisionKind, decode } from '../../src/space/decisions.ts';
import { operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import { parseRungs } from '../../src/study/rung-text.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const counts = { images: 50_000, classes: 10 };
const laptop = fitted(settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' }), counts);
const child = { ...laptop.child, filters: 8, resolution: 16, trainingImages: 8000 };
const settings = { ...laptop, child };
const [termsOf] = childTerms(settings, counts) as [TermsOf];
const samples = Array.from(
  { length: 40 },
  (_, seed) => new Candidate(sampleDecisions(new RandomStream(`prediction ${seed}`))),
);
const planOf = (decisions: readonly number[], cells = 1, filters = 8, input = 16) =>
  planNetwork(decode(decisions), { cells, filters, input, classes: 10 });

/** The same with convolutions instead of pools. */
const withoutPools = (decisions: readonly number[]) =>
  decisions.map((decision, index) =>
    decisionKind(index) === 'operation' && /pool/.test(operationNames[decision]!) ? convolution : decision,
  );
const convolution = operationNames.indexOf('conv_3x3');

test("dense and windowed multiply-adds are the plan's own; windows of pools come on top", () => {
  for (const { decisions } of samples) {
    const [plan, plain] = [planOf(decisions), planOf(withoutPools(decisions))];
    const [work, plainWork] = [planWork(plan), planWork(plain)];
    assert.equal(plainWork.dense + plainWork.windowed, plain.multiplyAdds);
    assert.ok(work.dense + work.windowed > plan.multiplyAdds && work.dense < plan.multiplyAdds);
  }
  // the published total
  assert.equal(weightCount(planNetwork(nasnetA, { cells: 6, filters: 32, classes: 10 })), 3_383_786);
});

test('more filters, cells, pixels, images a step and steps never take less time or memory', () => {
  const costs = (plan: ReturnType<typeof planOf>, batch = 64, steps = 10) => [
    lawValue(startingLaws.seconds, trainingTerms(plan, { steps, batch, evaluated: 100 })),
    lawValue(startingLaws.memory, memoryTerms(plan, batch)),
    lawValue(startingLaws.latency, latencyTerms(plan)),
  ];
  for (const { decisions } of samples) {
    const base = planOf(decisions);
    const larger = [planOf(decisions, 1, 16), planOf(decisions, 3), planOf(decisions, 1, 8, 32)];
    for (const more of [...larger.map((plan) => costs(plan)), costs(base, 128, 20)]) {
      assert.ok(costs(base).every((cost, index) => cost <= more[index]!));
    }
  }
});

test('the amount of a training by hand: 8,000 images of batch 64 for 3 epochs are 375 steps, 2,000 are evaluated', () => {
  const { growth: _, ...steady } = settings.child.recipe;
  const threeEpochs = { ...settings.child, recipe: { ...steady, epochs: 3 } };
  const plan = planOf(samples[0]!.decisions);
  const { dense, operators } = planWork(plan);
  const [denseTerm, , , calls, once] = new TrainingTerms(settings, threeEpochs, counts).of(samples[0]!).seconds;
  assert.ok(Math.abs(denseTerm! / (dense * (375 * 64 + 2000 / 3)) - 1) < 1e-12);
  assert.ok(Math.abs(calls! / (operators * (375 + 32 / 3)) - 1) < 1e-12); // 2,000 images in 32 batches, forward only
  assert.equal(once, 1);
});

/** A machine that is 3 times slower at products and twice as fast at all else. */
const elsewhere = {
  seconds: startingLaws.seconds.map((value, index) => (index === 0 ? 3 : 0.5) * value),
  memory: [5e8, 2.5, 6],
};

test('images that grow take the steps of each size, and parts of a step the memory of one part', () => {
  const { child } = settings;
  const recipe = { ...child.recipe, growth: [{ scale: 0.5, until: 0.25 }], accumulate: 2 };
  const terms = new TrainingTerms(settings, { ...child, recipe }, counts);
  const [{ decisions }] = samples as [Candidate];
  const [plan, small] = [planOf(decisions), planOf(decisions, 1, 8, 8)];
  const parts = { batch: 32, evaluated: 0 };
  const [before, then] = [62.5, 187.5].map((steps, place) =>
    trainingTerms([small, plan][place]!, { ...parts, steps, evaluated: place * 2000 }),
  );
  const expected = before!.slice(0, -1).map((term, place) => term + then![place]!);
  const { seconds, memory } = terms.of(samples[0]!);
  assert.deepEqual(seconds, [...expected, 1]);
  assert.deepEqual(memory, memoryTerms(plan, 32));
});

test('the costs of finished children correct the prediction of the next ones', () => {
  const prediction = new Prediction();
  const took = (candidate: Candidate) => costOf(termsOf(candidate), elsewhere);
  const predicted = (candidate: Candidate) => prediction.of(termsOf(candidate));
  const wrong = (candidate: Candidate) => Math.abs(predicted(candidate).seconds / took(candidate).seconds - 1);
  const [next, ...earlier] = samples;
  const before = wrong(next!);
  for (const candidate of earlier) prediction.observe(termsOf(candidate), took(candidate));
  assert.ok(before > 0.1 && wrong(next!) < 1e-3, `${before} → ${wrong(next!)}`);
  assert.ok(Math.abs(predicted(next!).memory / took(next!).memory - 1) < 1e-3);
  assert.equal(prediction.error.seconds!.of, 39, 'the error is of predictions made before each child was trained');
  assert.ok(prediction.error.seconds!.median < before);
});

test('a child with an impossible time or memory does not change the prediction', () => {
  const prediction = new Prediction();
  const [terms, other] = [samples[0]!, samples[1]!].map((candidate) => termsOf(candidate));
  const before = prediction.of(terms!);
  for (const seconds of [0, Number.NaN, -1]) prediction.observe(other!, { seconds, memory: Number.NaN });
  assert.deepEqual([prediction.of(terms!), prediction.children], [before, 0]);
});

test('a reopened study predicts as when it was closed, but not for other workers or devices', () => {
  const path = join(folder, 'study.db');
  const laws = { seconds: startingLaws.seconds, memory: startingLaws.memory };
  const predicted = () => {
    using study = openSearch(path);
    return predictionOf(study, counts, { workers: 2 });
  };
  let atTheEnd: { seconds: number; memory: number };
  {
    using study = Study.create(path, settings);
    const { prediction, record } = predictionOf(study, counts, { workers: 2, start: { laws, measured: true } });
    storePrediction(study, record, prediction);
    samples.forEach((candidate, number) => {
      const { seconds, memory } = costOf(termsOf(candidate), elsewhere);
      study.log.ask(number, candidate.decisions);
      study.log.start(number);
      const repeat = number % 10 === 9;
      const details = { peakMemory: memory };
      study.log.finish(number, repeat ? { reward: 0.5, seconds: 0, sameAs: 0 } : { reward: 0.5, seconds, details });
      if (!repeat) prediction.observe(termsOf(candidate), { seconds, memory });
    });
    storePrediction(study, record, prediction);
    atTheEnd = prediction.of(termsOf(samples[3]!));
  }
  const again = predicted();
  assert.deepEqual(again.prediction.of(termsOf(samples[3]!)), atTheEnd);
  assert.deepEqual([again.prediction.children, again.record.measured], [36, true]);
  using study = openSearch(path);
  for (const place of [
    { workers: 8 },
    { workers: 2, computing: { device: 'cuda:0', precision: 'bfloat16' } as const },
  ]) {
    assert.equal(predictionOf(study, counts, place).prediction.children, 0);
  }
});

test('what workers elsewhere took is kept for each kind of machine, and predicts nothing here', () => {
  using study = Study.create(join(folder, 'kinds.db'), settings);
  const learning = (elsewhere: boolean, workers: number) => predictionOf(study, counts, { workers, elsewhere });
  const { prediction: terms, record } = learning(true, 2);
  storePrediction(study, record, terms);
  samples.forEach((candidate, number) => {
    const { seconds, memory } = costOf(termsOf(candidate), elsewhere);
    const machine = number % 2 === 0 ? 'twice as fast' : 'as usual';
    study.log.ask(number, candidate.decisions);
    study.log.start(number);
    const took = machine === 'as usual' ? seconds : seconds / 2;
    study.log.finish(number, { reward: 0.5, seconds: took, details: { peakMemory: memory, machine } });
  });
  const { prediction } = learning(true, 500);
  const next = termsOf(samples[3]!);
  const on = (kind: string) => prediction.secondsOn(new Map([[kind, 7]]), next);
  assert.ok(Math.abs(on('as usual') / on('twice as fast') - 2) < 1e-3);
  assert.deepEqual(Object.keys(prediction.kinds!).sort(), ['as usual', 'twice as fast']);
  const here = learning(false, 2).prediction;
  assert.deepEqual([here.children, here.kinds], [0, undefined]);
});

test('opened again, a study with a ladder has learnt from all its rungs, in the order in which they finished', () => {
  const given = { dataset: 'cifar10', seed: 1, strategy: 'random', rungs: parseRungs('1,3,3:filters=16') };
  const climbing = fitted(settingsOf('laptop', given), counts);
  const terms = childTerms(climbing, counts);
  const took = (trial: number, rung: number) => {
    const { seconds, memory } = costOf(terms[rung]!(samples[trial]!), elsewhere);
    return { reward: 0.5, seconds, details: { peakMemory: memory, ...(rung > 0 && { continued: trial !== 2 }) } };
  };
  const path = join(folder, 'ladder.db');
  const whole = new Prediction({ seconds: startingLaws.seconds, memory: startingLaws.memory });
  {
    using study = Study.create(path, climbing);
    const { prediction, record } = predictionOf(study, counts, { workers: 2 });
    storePrediction(study, record, prediction);
    const finish = (trial: number, rung: number) => {
      const log = rung === 0 ? study.log : study.rungs.at(rung);
      if (rung === 0) study.log.ask(trial, samples[trial]!.decisions);
      else study.rungs.promote({ ladder: 0, member: trial, rung, atRandom: false }, 12);
      log.start(trial);
      log.finish(trial, took(trial, rung));
      if (rung === 1 && trial === 2) return; // its weights were lost: it took the time of two trainings
      const { seconds, details } = took(trial, rung);
      whole.observe(terms[rung]!(samples[trial]!), { seconds, memory: details.peakMemory });
    };
    for (let trial = 0; trial < 12; trial++) finish(trial, 0);
    for (let trial = 0; trial < 4; trial++) finish(trial, 1);
    finish(0, 2);
  }
  using study = openSearch(path);
  const { prediction } = predictionOf(study, counts, { workers: 2 });
  assert.equal(prediction.children, 12 + 3 + 1);
  const ahead = terms[2]!(samples[5]!);
  const [again, learnt] = [prediction.of(ahead), whole.of(ahead)];
  for (const what of ['seconds', 'memory'] as const) assert.ok(Math.abs(again[what] / learnt[what] - 1) < 1e-9, what);
});
