// Findings of a race of finalists: means of runs with intervals, groups, failures, and the correlation with the proxy.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { raceFinalists } from '../../src/experiment/finalists.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { finalistTable } from '../../src/report/finalist-findings.ts';
import { findingsOf, sentences } from '../../src/report/findings.ts';
import { writeReport } from '../../src/report/report-files.ts';
import { ResultFiles } from '../../src/result-files.ts';
import { decode } from '../../src/space/decisions.ts';
import { parseArchitectureText } from '../../src/space/parse.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const decisionsOf = (trial: number) => sampleDecisions(new RandomStream(`cell ${trial}`));

/**
 * Creates a study whose trials have these rewards and whose finalists, all trials, these accuracies run by run; NaN:
 * the run failed; none: it does not end. `stop` stops the race after its first run. With `prefersKnown` trial 0, a
 * known cell, is preferred. The first `known` trials are known cells and race in any case, with `count` in all.
 */
async function raced(
  name: string,
  rewards: number[],
  accuracies: number[][],
  {
    stop,
    prefersKnown,
    known = 0,
    count = rewards.length,
  }: { stop?: AbortController; prefersKnown?: boolean | number; known?: number; count?: number } = {},
): Promise<Study<SearchSettings>> {
  const options = {
    dataset: 'cifar10',
    seed: 1,
    strategy: 'random',
    trials: rewards.length,
    finalists: rewards.length,
  };
  const { finalists, ...settings } = settingsOf('laptop', options);
  const runs = Math.max(...accuracies.map(({ length }) => length));
  const study = Study.create<SearchSettings>(join(folder, name), {
    ...settings,
    known: Array.from({ length: prefersKnown ? 1 : known }, (_, trial) => decisionsOf(trial)),
    finalists: {
      ...finalists!,
      seeds: { least: runs, most: runs },
      ...(prefersKnown && { prefersKnown }),
      ...(known > 0 && { withKnown: true }),
    },
  });
  study.transaction(() => {
    rewards.forEach((reward, trial) => {
      study.log.ask(trial, decisionsOf(trial));
      study.log.start(trial);
      study.log.finish(trial, { reward, seconds: 1 });
    });
  });
  const end = raceFinalists({
    study,
    count,
    ...(stop && { signal: stop.signal, onEvent: ({ kind }) => kind === 'finalist' && stop.abort() }),
    evaluate: async ({ trial, run }) => {
      const reward = accuracies[trial]![run - 1];
      const failure = { kind: 'not-a-number', message: 'the loss of step 7 is NaN' };
      if (reward === undefined || (stop && trial + run > 1)) return new Promise(() => {});
      return Number.isNaN(reward) ? { failure, seconds: 3 } : { reward, seconds: 3 };
    },
  });
  if (accuracies.every((runs) => runs.some(Number.isNaN))) await assert.rejects(end, /each of the \d finalists failed/);
  else await end;
  return study;
}

test('the highest mean wins, independent of the children, and its interval is from all runs together: by hand', async () => {
  // Squares about the means: 0.0002 + 0.0008 + 0.00045 with 3 degrees of freedom; t = 3.182: ± 3.182 × 0.021985 / √2 =
  // 0.0495.
  using study = await raced(
    'apart.db',
    [0.5, 0.4, 0.3],
    [
      [0.5, 0.52],
      [0.6, 0.64],
      [0.3, 0.33],
    ],
  );
  const findings = findingsOf(study, 3);
  assert.deepEqual(finalistTable(findings.finalists!).slice(1), [
    ['trial 1', '62.00 ± 4.95%', '2', '1', '40.00%', '2'],
    ['trial 0', '51.00 ± 4.95%', '2', '2', '50.00%', '1'],
    ['trial 2', '31.50 ± 4.95%', '2', '3', '30.00%', '3'],
  ]);
  const text = sentences(findings).join(' ');
  assert.match(text, /The cell of trial 1 was chosen: .* classifies 40\.0% of the held-out images right/);
  assert.match(
    text,
    /The best 3 by their children were trained again with N = 1, F = 8 on 48,000 images for 6 epochs, 6 runs in 18 s/,
  );
  assert.match(
    text,
    /trial 1 has the highest mean, 62\.00 ± 4\.95% of the held-out images right over 2 runs\. It is ahead of the others beyond chance/,
  );
  assert.doesNotMatch(text, /Kendall/, 'three finalists say nothing of the proxy');
});

test('the sentences say if chance may have decided, and why a finalist is out', async () => {
  using study = await raced(
    'together.db',
    [0.5, 0.4, 0.3, 0.2],
    [
      [0.64, 0.61],
      [0.6, 0.66],
      [0.7, Number.NaN],
      [0.2, 0.21],
    ],
  );
  const { finalists, ...findings } = findingsOf(study, 9);
  assert.deepEqual(
    finalists!.rows.map(({ trial, group, mean }) => [trial, group, mean && Number(mean.toFixed(3))]),
    [
      [1, 1, 0.63],
      [0, 1, 0.625],
      [3, 2, 0.205],
      [2, null, null],
    ],
  );
  const text = sentences({ finalists, ...findings }).join(' ');
  assert.match(
    text,
    /It cannot be told apart from trial 0 \(at 95% confidence\): it was chosen for its higher mean, which may be chance/,
  );
  assert.match(text, /Trial 2 is out because one of its runs failed: not-a-number: the loss of step 7 is NaN\./);
  assert.deepEqual(
    findings.top.map(({ trial }) => trial),
    [1, 0, 3, 2],
  );
});

test('a known cell that is preferred is chosen until another one is better', async () => {
  const rewards = [0.3, 0.5, 0.4];
  const ofRace = async (name: string, accuracies: number[][], prefersKnown: boolean | number = true) => {
    using study = await raced(name, rewards, accuracies, { prefersKnown });
    const { top, finalists, named } = findingsOf(study, 3);
    const order = top.map(({ trial }) => trial);
    return { order, finalists: finalists!, named, text: sentences(findingsOf(study)).join(' ') };
  };
  const close = [
    [0.6, 0.63],
    [0.64, 0.61],
    [0.2, 0.21],
  ];
  const kept = await ofRace('kept.db', close);
  assert.deepEqual([kept.order, kept.finalists.preferred], [[0, 1, 2], 0]);
  assert.equal(kept.finalists.rows[0]!.trial, 1, 'the race itself is in the order of the means');
  assert.match(kept.text, /apart from trial 0 .*: trial 0 was chosen, a known cell, since no other is better beyond/);
  const first = await ofRace('first.db', close, false);
  assert.deepEqual([first.order, first.finalists.preferred], [[1, 0, 2], undefined], 'older studies keep their choice');
  const beaten = await ofRace('beaten.db', [
    [0.5, 0.52],
    [0.9, 0.93],
    [0.2, 0.21],
  ]);
  assert.deepEqual([beaten.order, beaten.finalists.preferred], [[1, 0, 2], undefined]);
  const hour = [
    [71.25, 71.1, 70.7],
    [71.9, 72.1, 72.6],
    [71.6, 72.3, 70.3],
  ].map((runs) => runs.map((points) => points / 100)); // of an hour's search
  const at95 = await ofRace('at 95.db', hour);
  assert.deepEqual([at95.order[0], at95.finalists.preferred], [0, 0]);
  const at80 = await ofRace('at 80.db', hour, 0.8);
  assert.deepEqual([at80.order[0], at80.finalists.preferred], [1, undefined]);
  const closeAt80 = await ofRace('close at 80.db', close, 0.8);
  assert.deepEqual([closeAt80.order[0], closeAt80.finalists.preferred], [0, 0]);
  assert.match(closeAt80.text, /trial 0 was chosen, a known cell, since no other is better at 80% confidence/);
  const failed = await ofRace('failed.db', [[0.9, Number.NaN], [0.5, 0.5], close[2]!]);
  assert.deepEqual([failed.order[0], failed.finalists.preferred], [1, undefined]);
});

test('known cells that race whatever their children reached are no best ones, and have the rank of their reward', async () => {
  const low = [0.3, 0.4]; // the known cells, which come last in the order of the settings
  using study = await raced('with known.db', [...low, 0.9, 0.8, 0.7], Array(5).fill([0.5, 0.52]), {
    known: 2,
    count: 3,
  });
  const { finalists, ...findings } = findingsOf(study);
  assert.deepEqual(
    finalists!.rows.map(({ trial, proxyRank }) => [trial, proxyRank]),
    [
      [2, 1],
      [0, 3],
      [1, 2],
    ],
  );
  assert.match(
    sentences({ finalists, ...findings }).join(' '),
    / 3 finalists, 2 known cells among them, were trained again with /,
  );
});

test('where all finalists failed none was chosen, and each failure is said', async () => {
  using study = await raced('all failed.db', [0.5, 0.4], [[Number.NaN], [Number.NaN]]);
  const text = sentences(findingsOf(study)).join(' ');
  assert.match(text, /The best cell is that of trial 0: /);
  assert.doesNotMatch(text, /was chosen/);
  assert.match(
    text,
    /The best 2 by their children were trained again .*, 0 runs in 6 s of workers' time: all of them failed\./,
  );
  for (const trial of [0, 1]) assert.match(text, new RegExp(`Trial ${trial} is out because one of its runs failed`));
});

test('a finalist that is left without a run was chosen, and the failures say why', async () => {
  using study = await raced('left.db', [0.5, 0.4], [[Number.NaN], []]);
  const text = sentences(findingsOf(study)).join(' ');
  assert.match(text, /The cell of trial 1 was chosen: /);
  assert.match(text, /: only trial 1 is left, which has no run\. Trial 0 is out because one of its runs failed: /);
});

test("for five or more finalists the children's order is compared with that of the means", async () => {
  const order = [0.52, 0.53, 0.5, 0.51, 0.49]; // two of ten pairs are reversed: τ = 0.6, from −0.54 to 0.96
  using study = await raced(
    'proxy.db',
    [0.5, 0.4, 0.3, 0.2, 0.1],
    order.map((mean) => [mean - 0.01, mean + 0.01]),
  );
  const findings = findingsOf(study);
  assert.equal(findings.finalists!.proxyCorrelation!.tau.toFixed(6), '0.600000');
  assert.match(
    sentences(findings).join(' '),
    /means of 5 finalists over 2 runs, Kendall's τ is 0\.60 \(95% interval -0\.54 to 0\.96\): it is not clear whether the children ranked the best in this order\./,
  );
});

test('no finalist is called the best while the race runs', async () => {
  const stop = new AbortController();
  using study = await raced(
    'running.db',
    [0.5, 0.4],
    [
      [0.5, 0.52],
      [0.6, 0.64],
    ],
    { stop },
  );
  const findings = findingsOf(study);
  assert.deepEqual(
    finalistTable(findings.finalists!).map((row) => row[3]),
    ['group', 'in the race', 'in the race'],
  );
  const text = sentences(findings).join(' ');
  assert.match(
    text,
    /The best cell is that of trial 0: .*The best 2 by their children are being trained again .*; runs done so far: 1\./,
  );
  assert.deepEqual(
    findings.top.map(({ trial }) => trial),
    [0, 1],
  );
});

test('the page has the race as a table, and the pictures and files show the winner', async () => {
  using study = await raced(
    'page.db',
    [0.5, 0.4, 0.3],
    [
      [0.5, 0.52],
      [0.6, 0.64],
      [0.3, 0.33],
    ],
  );
  const directory = join(folder, 'page');
  writeReport(study, directory, new ResultFiles({ of: 'a test' }));
  const { document } = parseHTML(readFileSync(join(directory, 'report.html'), 'utf8'));
  const section = [...document.querySelectorAll('section')].find(
    (each) => each.querySelector('h2')!.textContent === 'The finalists',
  )!;
  const rows = [...section.querySelectorAll('tr')].map((row) =>
    [...row.querySelectorAll('td')].map((cell) => cell.textContent),
  );
  assert.equal(rows.length, 4);
  assert.deepEqual(rows[1], ['trial 1', '62.00 ± 4.95%', '2', '1', '40.00%', '2']);
  assert.deepEqual(parseArchitectureText(readFileSync(join(directory, 'best.json'), 'utf8')), decode(decisionsOf(1)));
});
