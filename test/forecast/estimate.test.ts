// The arithmetic of an estimate, by hand: with laws under which every training takes the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceFor, estimateLines, statement } from '../../src/cli/search/statement.ts';
import { plannedSettings, raceCosts } from '../../src/forecast/budget-costs.ts';
import { leftBehind } from '../../src/forecast/cost-law.ts';
import { childTrainings } from '../../src/forecast/equal-cost.ts';
import { estimateSearch, waiting } from '../../src/forecast/estimate.ts';
import { workersThatFit } from '../../src/forecast/machine-memory.ts';
import { randomCells } from '../../src/forecast/random-cells.ts';
import { estimateOf, workersFor } from '../../src/forecast/start.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { decode } from '../../src/space/decisions.ts';
import type { Candidate } from '../../src/study/candidate.ts';
import { fitted, type SearchRequest, settingsOf } from '../../src/study/presets.ts';

const counts = { images: 50_000, classes: 10 };
const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };
const paper = fitted(settingsOf('paper', given), counts);
const hour = 3600;

/** Laws of a machine on which every training takes 2.1 hours and 1.5 GB. */
const constant = { seconds: [0, 0, 0, 0, 2.1 * hour], memory: [1.5e9 - leftBehind, 0, 0] };
const of = (settings: typeof paper, trials: number, workers: number, threads = workers) =>
  estimateSearch({ settings, counts, laws: constant, trials, workers, threads });

test("the paper's search: 20,000 children of 2.1 h are 875 days on 2 workers, 250 finalists at least 500 trainings more", () => {
  const estimate = of(paper, 20_000, 2);
  assert.equal(estimate.children.seconds, 875 * 24 * hour); // 20,000 · 2.1 / 2 = 21,000 h
  assert.deepEqual(estimate.finalists!.trainings, { least: 500, most: 1250 });
  assert.equal(estimate.finalists!.seconds.least, 525 * hour); // 500 · 2.1 / 2
  assert.ok(Math.abs(estimate.final.seconds - (2.1 * hour) / 1.6) < 1e-6); // two threads, 1.6 times as fast
  // and three starts of workers
  assert.ok(Math.abs(estimate.seconds.least - ((21_000 + 525 + 2.1 / 1.6) * hour + 3 * 2)) < 1e-3);
  const [children, finalists, all] = estimateLines(estimate);
  assert.equal(children, '20,000 children of about 2.1 h on 2 workers: about 880 days; memory up to 1.50 GB a worker');
  assert.equal(finalists, '250 finalists, 500 to 1,250 trainings of about 2.1 h: about 22 to 55 days');
  assert.match(all!, /^the final network: about 79 min; all of it about 900 to 930 days$/);
  assert.match(
    adviceFor(estimate, paper)!,
    /more than a week: --trials and --epochs \(now 20\) shrink it.*starts anyway/,
  );
  const month = settingsOf('laptop', { ...given, budget: 30 * 24 * 3600 });
  assert.match(adviceFor(estimate, month)!, /^That is more than a week: fewer --minutes shorten it\. It starts anyway/);
});

test('500 workers take a 250th of the time that 2 take, fewer children than workers that of one, and a crowd slows only itself', () => {
  assert.equal(of(paper, 20_000, 500).children.seconds, (875 * 24 * hour) / 250);
  assert.equal(of(paper, 3, 8).children.seconds, 2.1 * hour);
  assert.equal(waiting(0, 5, 2), 0);
  assert.equal(of(paper, 8, 8, 1).final.seconds, (2.1 * hour) / 8); // 2.1 h were those of 8 on one core; it is alone
});

test('each arm has its own finalists: the estimate counts them, a race of a budget pays for them, the statement says so', () => {
  const arms = fitted(settingsOf('paper', { ...given, strategy: 'ppo,random,evolution' }), counts);
  const estimate = of(arms, 20_000, 2);
  assert.equal(estimate.finalists!.count, 750);
  assert.deepEqual(estimate.finalists!.trainings, { least: 1500, most: 3750 });
  const options = { counts, laws: constant, workers: 2, threads: 2, trials: 20_000 };
  const raceOf = (settings: typeof arms) =>
    raceCosts(randomCells(settings).slice(0, 2), { ...options, settings }).race!;
  assert.deepEqual(raceOf(arms), { ...raceOf(paper), arms: 3 });
  assert.match(statement(arms, counts).join('\n'), /\nfinalists +the best 250 of each arm, /);
  assert.doesNotMatch(statement(paper, counts).join('\n'), /of each arm/);
});

test('the statement says that costly cells have fewer epochs where they have, which needs a known cell of the space', () => {
  const said = (request: Partial<SearchRequest>) => {
    const settings = fitted(settingsOf('laptop', { ...given, budget: 480, finalists: 4, ...request }), counts);
    const rows = statement(settings, counts).filter((row) => row.includes('; of a cell that costs more, fewer epochs'));
    const cells = randomCells(settings);
    const epochs = new Set(cells.map((cell) => childTrainings(settings, counts)[0]!(cell).recipe.epochs));
    return [rows.map((row) => row.split(' ')[0]), epochs.size > 1];
  };
  assert.deepEqual(said({}), [['child', 'finalists'], true]);
  assert.deepEqual(said({ known: [] }), [['child', 'finalists'], true]);
  assert.deepEqual(said({ space: 'b' }), [[], false]);
  assert.deepEqual(said({ blocks: 3 }), [[], false]);
});

test('a short search gets no advice, and one child, worker or finalist is not several', () => {
  const { finalists: _, ...alone } = paper;
  const estimate = of(alone, 1, 1);
  assert.equal(adviceFor(estimate, alone), undefined);
  assert.match(estimateLines(estimate)[0]!, /^1 child of about 2\.1 h on one worker: about 2\.1 h;/);
  const one = fitted(settingsOf('paper', { ...given, finalists: 1 }), counts);
  assert.match(estimateLines(of(one, 9, 1))[1]!, /^1 finalist, 2 to 5 trainings of about 2\.1 h: /);
  assert.match(statement(one, counts).join('\n'), /\nfinalists +the best one, 2 to 5 times: N = 6, /);
  const ofArms = statement({ ...one, strategy: 'ppo,random' }, counts).join('\n');
  assert.match(ofArms, /\nfinalists +the best one of each arm, 2 to 5 times each: N = 6, /);
});

test('the paper preset is the search of the paper, number by number', () => {
  const lines = statement(paper, counts);
  const line = (what: string) =>
    lines
      .find((each) => each.startsWith(`${what} `))!
      .slice(what.length)
      .trim();
  assert.equal(line('search'), 'preset paper: 20,000 children by ppo, 20 an update, seed 1'); // appendix A.1 and A.2
  assert.equal(line('cells'), 'space A, 5 blocks'); // section 3.1
  assert.match(line('images'), /^cifar10: 45,000 to train on, 5,000 held out for the reward$/); // section 4.1
  // appendix A.1; F is open there
  assert.match(line('child'), /^N = 2, F = 32, 32 × 32 pixels, 20 epochs of 45,000 images,/);
  // section 4 and appendix A: to convergence
  assert.match(line('finalists'), /^the best 250, .* 600 epochs of 45,000 images, batch 32/);
});

test('a search without a race says what a race needs, and one whose final network has all its epochs that its budget is too long', () => {
  const saying = (budget: number | 'none', plan: { finalists: number; epochs: number }) => {
    const stated = fitted(
      settingsOf('laptop', { ...given, budget, ...(budget === 'none' && { finalEpochs: 600 }) }),
      counts,
    );
    const final = { size: 0, epochs: plan.epochs };
    return statement(plannedSettings(stated, { children: 9, finalists: plan.finalists, final }), counts).join('\n');
  };
  const tooLong =
    'The budget is longer than this search can use: its final network has 600 epochs, the most of any budget.';
  const capped = saying(2700, { finalists: 0, epochs: 600 });
  assert.match(
    capped,
    /\nfinalists +none: a race needs four or more \(fewer by --finalists\), with time for runs that tell cells apart in its share of the budget; the first known cell is chosen\n/,
  );
  assert.ok(capped.endsWith(`\n${tooLong}`));
  const shorter = saying(2700, { finalists: 4, epochs: 599.95 });
  assert.match(shorter, /\nfinalists +the best 4, /);
  for (const words of [shorter, saying('none', { finalists: 0, epochs: 600 })])
    assert.doesNotMatch(words, /longer than this search can use/);
});

test('a ladder of η = 3 over 90 children is 30 + 10 more trainings; at random 5% of the other two thirds are promoted, too', () => {
  const rungs = [{ epochs: 1 }, { epochs: 3 }, { epochs: 9 }];
  const climbing = (randomShare: number) =>
    of(fitted(settingsOf('paper', { ...given, rungs, randomShare }), counts), 90, 2).ladder!;
  assert.deepEqual(climbing(0), { trainings: 40, seconds: 40 * 1.05 * hour });
  const goesUp = 1 / 3 + 0.05 * (2 / 3);
  assert.equal(climbing(0.05).trainings, Math.round(90 * (goesUp + goesUp ** 2)));
});

test('children of the paper for fewer epochs cost in proportion', () => {
  const laws = { seconds: [1e-10, 0, 0, 0, 0], memory: [1e9, 0, 0] };
  const all = (epochs: number) =>
    estimateSearch({
      settings: fitted(settingsOf('paper', { ...given, epochs }), counts),
      counts,
      laws,
      trials: 100,
      workers: 1,
      threads: 1,
    }).children.each.mean;
  const steps = (epochs: number) => epochs * Math.floor(45_000 / 64) * 64 + 5000 / 3;
  assert.ok(Math.abs(all(20) / all(1) / (steps(20) / steps(1)) - 1) < 1e-12);
});

test('an estimate counts cells within the limits only', () => {
  const smallest = 200_000;
  const limits = { parameters: smallest, beyond: 'resample' as const };
  const settings = { ...fitted(settingsOf('laptop', { ...given, trials: 80 }), counts), limits }; // of equal epochs
  const size = ({ decisions }: Candidate) =>
    planNetwork(decode(decisions), { cells: 1, filters: 16, input: 16 }).trainableParameters;
  const within = randomCells(settings, (candidate) => size(candidate) <= smallest);
  assert.ok(within.length > 0 && within.every((candidate) => size(candidate) <= smallest));
  const { limits: _, ...free } = settings;
  const laws = { seconds: [1e-10, 1e-10, 1e-9, 1e-5, 0], memory: [1e9, 1, 1] };
  const each = (limited: typeof free) =>
    estimateOf({ settings: limited, counts, trials: 80, workers: 2 }, laws).children.each.mean;
  assert.ok(each(settings) < each(free));
});

test('the number of workers is limited by memory unless more are requested, with a message', () => {
  assert.deepEqual([workersThatFit(16, 2e9, 9e9), workersThatFit(2, 2e9, 9e9), workersThatFit(4, 2e9, 1e9)], [4, 2, 1]);
  assert.deepEqual(workersFor(4, false, 2e9, 8e9), { workers: 4 });
  assert.deepEqual(workersFor(16, false, 2e9, 9e9), {
    workers: 4,
    warning: 'Each of 16 workers may hold up to 2.00 GB and this machine has 9.00 GB left: 4 at a time in place of 16.',
  });
  const { workers, warning } = workersFor(16, true, 2e9, 9e9);
  assert.equal(workers, 16, 'what was asked for is done');
  assert.match(warning!, /some may be killed for memory; 4 would fit\.$/);
  assert.match(workersFor(1, false, 2e9, 1e9).warning!, /^One worker may hold up to 2\.00 GB .* it may be killed/);
});
