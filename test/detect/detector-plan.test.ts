// Shapes, parameters and multiply-adds of detectors against figures that do not come from this code: those of the
// released detector (tensorflow/models), and counts by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DetectorPlan, planDetector } from '../../src/detect/detector-plan.ts';
import { type DetectorChoices, detectorSettings, type HeadName } from '../../src/detect/detector-settings.ts';
import { InputError } from '../../src/failure.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { smallB } from '../space/small-b.ts';

const { cells, filters, stemChannels, skipReductionInput } = namedModels.large;
const large = { cells, filters, stemChannels, skipReductionInput };
const mobile = { cells: 4, filters: 44, stemChannels: 32 };

const planOf = (
  head: HeadName,
  network: DetectorChoices['network'],
  side: number,
  choices: Partial<DetectorChoices> = {},
) => planDetector(nasnetA, detectorSettings({ head, network, input: [side, side], ...choices }), 90);

const part = (plan: DetectorPlan, name: string) =>
  [...plan.pictureParts, ...plan.proposalParts].find((each) => each.name === name)!;

const isWithin = (got: number, expected: number, share: number, what: string) =>
  assert.ok(Math.abs(got / expected - 1) <= share, `${what}: expected ${expected}, got ${got}`);

test('the first stage of the large detector ends with 75 × 75 × 4032 at 1200 pixels, 50 × 50 at 800', () => {
  for (const [side, places] of [
    [1200, 75],
    [800, 50],
    [299, 19],
    [224, 14],
  ] as const) {
    const plan = planOf('paper', large, side);
    assert.deepEqual(plan.levels[0]!.shape, [places, places, 4032]);
    assert.deepEqual(plan.endpoints, ['Cell_11', 'Cell_10']);
  }
});

test('a crop of 17 × 17 leaves the second stage with 9 × 9 × 4032', () => {
  const { tail } = planOf('paper', large, 1200);
  assert.deepEqual(Object.values(tail!.ends), [[9, 9, 4032]]);
  assert.deepEqual(
    tail!.cells.map(({ name }) => name),
    ['Reduction_Cell_1', 'Cell_12', 'Cell_13', 'Cell_14', 'Cell_15', 'Cell_16', 'Cell_17'],
  );
});

test('the cost of the paper head is that of the released detector, within 1%', () => {
  const rows = [
    { network: large, side: 1200, first: 192.9e9, region: 104.5e9, proposal: 5.789e9 },
    { network: large, side: 800, first: 85.7e9, region: 46.4e9, proposal: 5.789e9 },
    { network: mobile, side: 600, first: 2.76e9, region: 7.0e9, proposal: 0.295e9 },
  ];
  for (const { network, side, first, region, proposal } of rows) {
    const plan = planOf('paper', network, side);
    isWithin(part(plan, 'first stage').multiplyAdds, first, 0.01, `first stage, ${side}`);
    isWithin(part(plan, 'proposals, 3×3').multiplyAdds, region, 0.01, `proposals, ${side}`);
    isWithin(part(plan, 'second stage').multiplyAdds, proposal, 0.01, `second stage, ${side}`);
  }
  const plan = planOf('paper', large, 1200, { proposals: 500 });
  isWithin(plan.multiplyAdds, 3.19e12, 0.01, '500 proposals');
  isWithin(part(plan, 'first stage').parameters, 20.1e6, 0.01, 'parameters of the first stage');
  isWithin(part(plan, 'second stage').parameters, 64.6e6, 0.01, 'parameters of the second stage');
});

test('both stages of the paper head together have the parameters of the classifier without its linear layer', () => {
  for (const [network, side, total] of [
    [large, 1200, 88_753_150 - 4032 * 1000 - 1000],
    [mobile, 600, 5_289_978 - 1056 * 1000 - 1000],
  ] as const) {
    const plan = planOf('paper', network, side);
    assert.equal(part(plan, 'first stage').parameters + part(plan, 'second stage').parameters, total);
  }
});

test('the pyramid reads strides 4 to 32, and its network costs what the classifier costs at that size', () => {
  const plan = planOf('fpn', large, 1200);
  assert.deepEqual(plan.endpoints, ['Cell_Stem_0', 'Cell_5', 'Cell_11', 'Cell_17']);
  assert.deepEqual(
    plan.endpoints.map((name) => plan.trunk.ends[name]),
    [
      [300, 300, 168],
      [150, 150, 1008],
      [75, 75, 2016],
      [38, 38, 4032],
    ],
  );
  assert.deepEqual(
    plan.levels.map(({ stride, shape }) => [stride, shape[0]]),
    [
      [4, 300],
      [8, 150],
      [16, 75],
      [32, 38],
      [64, 19],
    ],
  );
  const classifier = planNetwork(nasnetA, { ...namedModels.large, input: 1200 });
  assert.equal(part(plan, 'network').multiplyAdds, classifier.multiplyAdds - 4032 * 1000);
});

test('the pyramid with 1,000 proposals costs what was estimated from torchvision’s layers', () => {
  const costOf = (network: DetectorChoices['network'], side: number) =>
    planOf('fpn', network, side, { proposals: 1000 }).multiplyAdds;
  isWithin(costOf(large, 1200), 461e9, 0.02, 'large at 1200 pixels');
  isWithin(costOf(large, 800), 213e9, 0.02, 'large at 800 pixels');
  isWithin(costOf(mobile, 600), 54e9, 0.02, 'mobile at 600 pixels');
});

test('the parameters of the pyramid and its head are those counted by hand', () => {
  const plan = planOf('fpn', mobile, 600, { channels: 8, hidden: 16 });
  const widths = [44, 264, 528, 1056]; // 4 · 11 of the stem cell, 6 · 44, 6 · 88, 6 · 176
  assert.equal(
    part(plan, 'pyramid, lateral').parameters,
    widths.reduce((sum, width) => sum + width * 8 + 8, 0),
  );
  assert.equal(part(plan, 'pyramid, output').parameters, 4 * (9 * 8 * 8 + 8));
  assert.equal(part(plan, 'proposals, 3×3').parameters, 9 * 8 * 8 + 8);
  assert.equal(part(plan, 'proposals, boxes').parameters, 8 * 12 + 12);
  assert.equal(part(plan, 'hidden 1').parameters, 49 * 8 * 16 + 16);
  assert.equal(part(plan, 'classes').parameters, 16 * 91 + 91);
});

test('heads that do not suit the cells, and pictures that are too small, are refused', () => {
  const refused = (run: () => unknown, words: RegExp) =>
    assert.throws(run, (error) => error instanceof InputError && words.test(error.message));
  refused(() => planOf('paper', { ...mobile, cells: 0 }, 600), /at least one normal cell/);
  refused(() => planOf('fpn', mobile, 40), /size: expected at least 48 pixels, got 40/);
  const settings = detectorSettings({ head: 'paper', network: mobile, input: [600, 600] });
  refused(() => planDetector(smallB, settings, 90), /pass on one result/);
});

test('the smallest anchor grows with the picture up to that of the detectors they are taken from', () => {
  const anchorOf = (head: HeadName, side: number) =>
    detectorSettings({ head, network: mobile, input: [side, 2 * side] }).anchor;
  assert.deepEqual(
    [100, 400, 800, 1200].map((side) => anchorOf('fpn', side)),
    [8, 16, 32, 32],
  );
  assert.deepEqual(
    [75, 300, 600, 1200].map((side) => anchorOf('paper', side)),
    [8, 32, 64, 64],
  );
});
