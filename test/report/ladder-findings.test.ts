// The ladder's findings by hand: counts, the best of each rung, the proxy meter with and without random promotions,
// ranking, sentences.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { RandomStream } from '../../src/random/stream.ts';
import { writeFigure6 } from '../../src/report/figures/search-progress-files.ts';
import { findingsOf, sentences } from '../../src/report/findings.ts';
import { ladderArms, ladderArmTable } from '../../src/report/ladder-arms.ts';
import { ladderFindings, ladderTable } from '../../src/report/ladder-findings.ts';
import { writeReport } from '../../src/report/report-files.ts';
import { ResultFiles } from '../../src/result-files.ts';
import { ladderOptions } from '../../src/selection/ladder-options.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { parseRungs } from '../../src/study/rung-text.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { climbedStudy } from '../study/climbed-study.ts';

const folder = temporaryFolder({ after });

test('the number of trainings, the best, the time and the origin of weights at each rung: by hand', () => {
  using study = climbedStudy(join(folder, 'counts.db'));
  const { rungs } = ladderFindings(study)!;
  const seen = rungs.map(({ rung, training: _, mean, ...others }) => ({ ...others, mean: mean!.toFixed(4) }));
  assert.deepEqual(seen, [
    { done: 12, failed: 0, open: 0, workerSeconds: 120, best: { trial: 0, reward: 0.3 }, mean: '0.1875' },
    {
      ...{ done: 6, failed: 0, open: 0, workerSeconds: 60, best: { trial: 1, reward: 0.5 }, mean: '0.4417' },
      weights: { kept: 5, lost: 1 },
    },
    { done: 2, failed: 1, open: 1, workerSeconds: 45, best: { trial: 0, reward: 0.7 }, mean: '0.6500' },
  ]);
  const table = ladderTable(ladderFindings(study)!).map((row) => row.join(' | '));
  assert.match(
    table[1]!,
    /^0 \| 1 epoch on 48,000 images of 8 × 8, N = 1, F = 4 \| 12 \| 30\.00% \(trial 0\) \| .* \| new$/,
  );
  assert.match(table[2]!, /\| of rung 0, 1 lost$/);
  assert.match(table[3]!, /\| 2, 1 failed, 1 to come \| .* \| new \(F 4 → 16\)$/);
});

test('the proxy meter is τ over the trials at both rungs, which the sentence calls a selection', () => {
  using study = climbedStudy(join(folder, 'meter.db'));
  const [first, second] = ladderFindings(study)!.meters;
  // One of the 15 pairs of six is reversed: (14 − 1) / 15.
  assert.equal(first!.trials, 6);
  assert.ok(Math.abs(first!.correlation!.tau - 13 / 15) < 1e-12);
  assert.deepEqual(second, { lower: 1, upper: 2, trials: 2 });
  const text = sentences(findingsOf(study)).join('\n');
  assert.match(
    text,
    /The best of the 12 children trained at rung 0, about one in 2, were trained further: 6 at rung 1, 2 at rung 2\./,
  );
  assert.match(
    text,
    /rungs 0 and 1 of 6 children, Kendall's τ is 0\.87 \(95% interval .*They are the best of rung 0.*may be higher/,
  );
  assert.match(text, /rungs 1 and 2 too little is known for Kendall's τ: 2 children at both/);
});

test('with random promotions the meter also has the τ of these, which are not a selection', () => {
  using study = climbedStudy(join(folder, 'lots.db'), { randomShare: 0.5 });
  const { atRandom } = ladderOptions(study.settings)!;
  const randomPromotions = [0, 1, 2, 3, 4, 5].filter((trial) => atRandom!(trial, 0));
  assert.ok(randomPromotions.length > 0 && randomPromotions.length < 6);
  assert.equal(ladderFindings(study)!.meters[0]!.atRandom!.trials, randomPromotions.length);
  assert.match(
    sentences(findingsOf(study)).join('\n'),
    new RegExp(`over the ${randomPromotions.length} of them that were promoted at random`),
  );
  const shares = Array.from({ length: 4000 }, (_, trial) => Number(atRandom!(trial, 0)));
  assert.ok(Math.abs(shares.reduce((sum, one) => sum + one) / 4000 - 0.5) < 0.03, 'a lot falls on half of them');
});

test('the highest rung reached comes first, and each reward has its rung', () => {
  using study = climbedStudy(join(folder, 'ranking.db'));
  const { top, summary } = findingsOf(study, 4);
  assert.deepEqual(
    top.map(({ trial, reward, climbed }) => [trial, reward, climbed!.rung, climbed!.rewards.length]),
    [
      [0, 0.7, 2, 3],
      [1, 0.6, 2, 3],
      [2, 0.44, 1, 2],
      [3, 0.43, 1, 2],
    ],
  );
  assert.ok(
    top[0]!.trainableParameters > 2 * top[2]!.trainableParameters,
    'each with the size of the child of its rung',
  );
  assert.deepEqual(summary.best, { number: 0, reward: 0.7, rung: 2 });
  assert.equal(summary.workerSeconds, 225);
  const text = sentences(findingsOf(study)).join('\n');
  assert.match(
    text,
    /classifies 70\.0% of the held-out images right at rung 2 \(3 epochs .*F = 16\); the mean of all at that rung is 65\.0%/,
  );
});

test('finalists are compared with their children at the highest rung that all of them reached', () => {
  using study = climbedStudy(join(folder, 'finalists.db'), { finalists: 6 });
  const trials = [0, 1, 2, 3, 4, 5];
  study.keep('finalists', { trials });
  for (const run of [1, 2]) {
    for (const trial of trials) {
      const accuracy = 0.8 - 0.05 * [1, 0, 2, 3, 4, 5][trial]! + 0.001 * run; // in the order of rung 1
      study.finalistRuns.want({ trial, run });
      study.finalistRuns.start({ trial, run });
      study.finalistRuns.finish({ trial, run }, { reward: accuracy, seconds: 1 });
    }
  }
  const { rows, proxyCorrelation } = findingsOf(study).finalists!;
  assert.deepEqual([proxyCorrelation!.rung, proxyCorrelation!.tau, proxyCorrelation!.finalists], [1, 1, 6]);
  assert.deepEqual(
    rows.slice(0, 3).map(({ trial, proxy, proxyRung }) => [trial, proxy, proxyRung]),
    [
      [1, 0.6, 2],
      [0, 0.7, 2],
      [2, 0.44, 1],
    ],
  );
});

test('the page has the ladder and its meter, and names the rung of accuracies; so does Figure 6', () => {
  using study = climbedStudy(join(folder, 'page.db'));
  writeReport(study, join(folder, 'page'), new ResultFiles({ of: 'a test' }));
  const { document } = parseHTML(readFileSync(join(folder, 'page', 'report.html'), 'utf8'));
  const headings = [...document.querySelectorAll('h2, h3')].map((heading) => heading.textContent);
  assert.ok(headings.includes('The ladder'));
  assert.ok(headings.includes('1. Trial 0: 70.00% at rung 2'), headings.join());
  const words = document.body.textContent!.replace(/\s+/g, ' ');
  for (const expected of [
    'Before: 30.00% at rung 0, 45.00% at rung 1.',
    'at rung 0, which is measured alike for all',
    '0 and 1',
  ])
    assert.ok(words.includes(expected), expected);
  const { sentences: lines } = writeFigure6([study.path], join(folder, 'figure'), new ResultFiles({ of: 'a test' }));
  assert.match(lines.join(), /accuracies are those of rung 0 \(1 epoch .*\), the only one measured for every cell/);
});

test('each arm has its own rungs, and a training that two arms asked for counts for both: by hand', () => {
  // Trials 0, 1 … are asked for by two arms in turn; trial 3 is the graph of trial 0.
  const options = {
    dataset: 'cifar10',
    seed: 1,
    strategy: 'random,evolution',
    known: [],
    rungs: parseRungs('1,3'),
    reduction: 2,
  };
  using study = Study.create<SearchSettings>(join(folder, 'arms.db'), settingsOf('laptop', options));
  const { log, rungs } = study;
  for (const [trial, reward] of [0.4, 0.1, 0.2, 0.4, undefined, 0.3, 0.25].entries()) {
    log.ask(trial, sampleDecisions(new RandomStream(trial)));
    log.start(trial);
    if (reward === undefined) log.fail(trial, { kind: 'not-a-number', message: 'step 3' }, 1);
    else log.finish(trial, { reward, seconds: 1, ...(trial === 3 && { sameAs: 0 }) });
    if (trial < 6) log.tell(trial); // the last has a reward that its arm does not know yet
  }
  const climb = (ladder: number, member: number, reward?: number) => {
    if (!rungs.promote({ ladder, member, rung: 1, atRandom: false }, 7)) return;
    rungs.at(1).start(member);
    if (reward !== undefined) rungs.at(1).finish(member, { reward, seconds: 3 });
  };
  climb(0, 0, 0.6);
  climb(1, 0);
  climb(1, 5, 0.5);
  climb(0, 2);
  const table = ladderArmTable(ladderArms(study)).map((row) => row.join(' | '));
  assert.deepEqual(table, [
    'arm | rung | trained | best | mean',
    'random | 0 | 2, 1 failed, 1 to come | 40.00% (trial 0) | 30.00%',
    ' | 1 | 1, 1 to come | 60.00% (trial 0) | 60.00%',
    'evolution | 0 | 3 | 40.00% (trial 0) | 26.67%',
    ' | 1 | 2 | 60.00% (trial 0) | 55.00%',
  ]);
  writeReport(study, join(folder, 'arms'), new ResultFiles({ of: 'a test' }));
  const { document } = parseHTML(readFileSync(join(folder, 'arms', 'report.html'), 'utf8'));
  const heading = [...document.querySelectorAll('h3')].find(
    ({ textContent }) => textContent === 'The rungs of each arm',
  );
  const cells = [...heading!.nextElementSibling!.querySelectorAll('tr')].map((row) =>
    [...row.querySelectorAll('td, th')].map(({ textContent }) => textContent).join(' | '),
  );
  assert.deepEqual(cells, table);
});

test('known cells have a separate ladder next to those of several arms, and one strategy has no such table', () => {
  const known = [1, 2].map((seed) => sampleDecisions(new RandomStream(seed)));
  const options = { dataset: 'cifar10', seed: 1, strategy: 'random,evolution', rungs: parseRungs('1,3'), known };
  using study = Study.create<SearchSettings>(join(folder, 'known.db'), settingsOf('laptop', options));
  for (let trial = 0; trial < 4; trial++) study.log.ask(trial, known[trial % 2]!);
  assert.deepEqual(
    ladderArms(study).map(({ label, rungs }) => [label, rungs[0]!.open]),
    [
      ['random', 1],
      ['evolution', 1],
      ['known cells', 2],
    ],
  );
  using alone = climbedStudy(join(folder, 'alone.db'));
  assert.deepEqual(findingsOf(alone).ladderArms, []);
});

test('a study without a ladder has none in its findings', () => {
  const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' });
  using study = Study.create<SearchSettings>(join(folder, 'none.db'), settings);
  assert.equal(findingsOf(study).ladder, undefined);
});
