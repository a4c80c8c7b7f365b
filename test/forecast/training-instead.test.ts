// When a search says that it has no advantage over training a known cell.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { insteadLines } from '../../src/cli/search/statement.ts';
import { finalCosts } from '../../src/forecast/budget-costs.ts';
import { startingLaws } from '../../src/forecast/cost-law.ts';
import { costOptions } from '../../src/forecast/start.ts';
import { isSizeOf, measured, type TrainingInstead, trainingInstead } from '../../src/forecast/training-instead.ts';
import { spaces } from '../../src/space/search-space.ts';
import { mean } from '../../src/statistics/order.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { finalSizes } from '../../src/study/final-training.ts';
import { namedDecisions } from '../../src/study/named-decisions.ts';
import { fitted, type SearchRequest, settingsOf } from '../../src/study/presets.ts';

const counts = { images: 50_000, classes: 10, test: 10_000 };

function insteadOf(request: Partial<SearchRequest>, { preset = 'laptop', slower = 1, races = true } = {}) {
  const settings = fitted(settingsOf(preset, { dataset: 'cifar10', seed: 1, ...request }), counts);
  const laws = { ...startingLaws, seconds: startingLaws.seconds.map((value) => slower * value) };
  const options = costOptions({ settings, counts, workers: 2 }, laws);
  const quick = new Candidate(namedDecisions('a', 5)[0]!, 'a');
  const found = trainingInstead(settings, { ...options, races });
  return { found, costs: finalCosts([quick], options), sizes: finalSizes(settings) };
}

/** Returns the advice, which is by measured accuracies. */
function measuredIn(found: TrainingInstead | undefined) {
  assert.ok(found?.reason === 'measured', found?.reason);
  return found;
}

/** The seconds in which a machine trains the cell as long as in each measured budget. */
function measuredSeconds() {
  const { costs, sizes } = insteadOf({ budget: 60 });
  return measured.budgets.map(({ training }) => {
    const { epoch, once } = costs[sizes.findIndex(isSizeOf(training))]!;
    return once + training.epochs * epoch;
  });
}

test('the cell is named up to the time in which this machine trains it as long as in the longest measured budget', () => {
  const { until } = measuredIn(insteadOf({ budget: 60 }).found);
  assert.ok(Math.abs(until - measuredSeconds().at(-1)!) < 1e-9);
  for (const races of [true, false])
    for (const budget of [until / 3, until - 1])
      assert.equal(measuredIn(insteadOf({ budget }, { races }).found).until, until, 'whatever is asked for');
  assert.equal(insteadOf({ budget: until + 1 }).found, undefined);
  assert.ok(insteadOf({ budget: until + 1 }, { slower: 2 }).found, 'a slower machine needs longer');
});

test('the figures are those of the shortest measured budget that is not shorter', () => {
  let longest = 0;
  for (const [place, end] of measuredSeconds().entries()) {
    for (const budget of [longest + 1, end - 1])
      assert.equal(measuredIn(insteadOf({ budget }).found).measured, measured.budgets[place]);
    longest = end;
  }
});

test('in a longer budget without a race it is named as the cell that the search trains with less time, without a bound', () => {
  const { until } = measuredIn(insteadOf({ budget: 60 }).found);
  for (const seconds of [until + 1, 3 * until]) {
    const { found } = insteadOf({ budget: seconds }, { races: false });
    assert.deepEqual(found, { reason: 'no-race', cell: 'quick', minutes: found!.minutes });
    assert.ok(Math.abs(60 * found!.minutes - seconds) < 1e-6);
  }
  const [words, command] = insteadLines(insteadOf({ budget: 7200 }, { races: false }).found);
  assert.equal(
    words,
    'This search plans no race of finalists, so that it trains the cell Quick whatever its children say, with less time than the training alone would give it:',
  );
  assert.match(command!, /nasnet train quick --minutes 120$/);
});

test('a search without a race that would not choose that cell says nothing beyond the measured budget', () => {
  const { until } = measuredIn(insteadOf({ budget: 60 }).found);
  const nasnetA = namedDecisions('a', 5)[1]!;
  for (const request of [{ finalists: 0 }, { known: [] }, { known: [nasnetA] }]) {
    assert.equal(insteadOf({ budget: until + 100, ...request }, { races: false }).found, undefined);
    const shorter = insteadOf({ budget: until - 1, ...request }, { races: false }).found;
    assert.equal(measuredIn(shorter).until, until);
  }
});

test('it is told with the command for the whole budget, and with both accuracies', () => {
  const found = measuredIn(insteadOf({ budget: 300 }).found);
  const [words, command] = insteadLines(found);
  assert.match(
    words!,
    /^In less than about .* on this machine a search has no advantage over training the cell Quick all the time\. Measured, 8 min of two threads with AVX-512: [\d.]+%? .*% of CIFAR-10's test images against [\d.]+%?.*; a residual network of 8 layers had [\d.]+.*% \(docs\/experiments\/budget\.md\)\. Quick alone:$/,
  );
  assert.match(command!, /nasnet train quick --minutes 5$/);
  const { alone, search } = found.measured.accuracies;
  assert.ok(mean([...search]) <= mean([...alone]) + 0.005);
  assert.deepEqual(insteadLines(undefined), []);
});

test('the accuracies of few seeds are told each, of one as one run', () => {
  const found = measuredIn(insteadOf({ budget: 300 }).found);
  const accuracies = { search: [0.937], alone: [0.9405, 0.9387], resnet: [0.8895, 0.8908, 0.8935] };
  const [words] = insteadLines({ ...found, measured: { ...found.measured, accuracies } });
  assert.match(
    words!,
    / AVX-512: 93\.7% \(one run\) of CIFAR-10's test images against 94\.0% and 93\.9%; .* had 89\.1 ± 0\.5%/,
  );
});

test('nothing is said of what was not measured: other images, spaces, sizes, recipes and limits, and no budget', () => {
  const { conv_3x3: _, ...withoutDense } = spaces.a.operations; // a space of NASNet-A, but not of Quick
  const requests: Partial<SearchRequest>[] = [
    { dataset: 'photos' },
    { space: 'b' },
    { space: { ...spaces.a, operations: withoutDense } },
    { blocks: 4 },
    { finalFilters: 24 },
    { recipes: { final: 'darts' } },
    { trials: 20 },
  ];
  for (const request of requests)
    assert.equal(insteadOf({ ...(request.trials ? {} : { budget: 60 }), ...request }).found, undefined);
  assert.equal(insteadOf({ budget: 60 }, { preset: 'micro' }).found, undefined);
});
