// What a person asks of a running search: pauses, more trials, cells of their own; and that a search that was stopped
// afterwards goes on as if it had not been.

import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Evaluate } from '../../src/experiment/evaluator.ts';
import { SearchControl } from '../../src/experiment/search-control.ts';
import { runSearch, type SearchEvent, type SearchOptions } from '../../src/experiment/search-loop.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { createStrategy } from '../../src/search/strategy.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { parseRequest, sendRequest } from '../../src/study/requests.ts';
import { Study } from '../../src/study/study.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-control-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newStudy = () => Study.create(join(folder, `${++count}.db`), { seed: 1, trials: 12 });
const controlOf = (study: Study<object>, budget?: object) =>
  new SearchControl(study.path, { space: 'a', blocks: 5, budget });
const rewardOf = (decisions: readonly number[]) => decisions.reduce((sum, choice) => sum + choice, 0) / 1000;
const immediately: Evaluate = async ({ candidate: { decisions } }) => ({ reward: rewardOf(decisions), seconds: 0 });
const newStrategy = () =>
  createStrategy('evolution', { blocks: 5, seed: 3, options: { populationSize: 4, sampleSize: 2 } });
const search = (study: Study<object>, more: Partial<SearchOptions> = {}) =>
  runSearch({ study, strategy: newStrategy(), evaluate: immediately, trials: 12, workers: 2, ...more });
const decisionsOf = (study: Study<object>) => study.trials().map(({ decisions }) => decisions);
const named = sampleDecisions(new RandomStream('by hand'));

test('a cell that a person names is the next trial, and the strategy learns its reward', async () => {
  const study = newStudy();
  using control = controlOf(study);
  control.receive({ action: 'try', decisions: named });
  await search(study, { control });
  assert.deepEqual(study.trial(0)!.decisions, named);
  assert.deepEqual([...study.log.byHand], [0]);
  assert.equal(study.asked, 12);
  const parents = study.log
    .strategyEvents(0)
    .filter(({ byHand }) => byHand)
    .map(({ kind }) => kind);
  assert.deepEqual(parents, ['ask', 'tell']);
});

test('a cell that a person names takes the place of no known one', async () => {
  const study = newStudy();
  using control = new SearchControl(study.path, { space: 'a', blocks: 5, known: [[], []] });
  control.receive({ action: 'try', decisions: named });
  await search(study, { control });
  assert.deepEqual([...study.log.byHand], [2]);
});

test('a search with named cells that is killed goes on with the same decisions', async () => {
  const together = newStudy();
  const killed = join(folder, 'killed.db');
  using control = controlOf(together);
  control.receive({ action: 'try', decisions: named });
  const onEvent = (event: SearchEvent) => {
    if (event.kind !== 'reported' || event.trial !== 7) return;
    for (const end of ['', '-wal']) copyFileSync(`${together.path}${end}`, `${killed}${end}`); // as a kill leaves it
  };
  await search(together, { control, trials: 20, onEvent });
  using apart = Study.open(killed);
  assert.ok(apart.asked < 20);
  await search(apart, { trials: 20 });
  assert.deepEqual(decisionsOf(apart), decisionsOf(together));
});

test('without requests a search decides as without control', async () => {
  const plain = newStudy();
  await search(plain);
  const controlled = newStudy();
  using control = controlOf(controlled);
  await search(controlled, { control });
  assert.deepEqual(decisionsOf(controlled), decisionsOf(plain));
});

test('more trials are added to the target, which the study keeps', async () => {
  const study = newStudy();
  using control = controlOf(study);
  control.receive({ action: 'add', trials: 5 });
  await search(study, { control });
  assert.equal(study.asked, 17);
  assert.equal(study.result('target'), 17);
});

test('a budget decides the number of trials: none is added', async () => {
  const study = newStudy();
  using control = controlOf(study, { seconds: 60 });
  control.receive({ action: 'add', trials: 5 });
  await search(study, { control });
  assert.equal(study.asked, 12);
});

test('what is no cell of the space is not tried', async () => {
  const study = newStudy();
  using control = controlOf(study);
  control.receive({ action: 'try', decisions: named.map(() => 99) });
  control.receive({ action: 'try', decisions: [...named, ...named] });
  await search(study, { control });
  assert.equal(study.log.byHand.size, 0);
});

test('a pause holds the runner, resuming lets it go on', () => {
  const study = newStudy();
  using control = controlOf(study);
  const told: boolean[] = [];
  control.receive({ action: 'pause' });
  control.pauses({ pause: (paused) => told.push(paused) });
  control.receive({ action: 'resume' });
  assert.deepEqual(told, [true, false]);
});

test('what waits for the end of a pause goes on when it is resumed, or is stopped', async () => {
  const study = newStudy();
  using control = controlOf(study);
  const never = new AbortController();
  await control.resumed(never.signal); // it is not paused
  for (const end of ['resume', 'stop'] as const) {
    control.receive({ action: 'pause' });
    control.receive({ action: 'pause' });
    let goesOn = false;
    const waiting = control.resumed(control.signal).then(() => {
      goesOn = true;
    });
    await sleep(5);
    assert.equal(goesOn, false);
    control.receive({ action: end });
    if (end === 'stop') await assert.rejects(waiting, { name: 'AbortError' });
    else await waiting;
  }
});

test('after the last trial none is added or named, and pauses still hold', () => {
  const study = newStudy();
  using control = controlOf(study);
  control.endTrials();
  control.receive({ action: 'add', trials: 5 });
  control.receive({ action: 'try', decisions: named });
  control.receive({ action: 'pause' });
  assert.deepEqual(control.take(), [{ action: 'pause' }]);
});

test('requests that are sent to the study reach its search in order; a stop ends it with all saved', async () => {
  const study = newStudy();
  using control = controlOf(study);
  const events: SearchEvent[] = [];
  const never: Evaluate = (_, { signal }) =>
    new Promise((_done, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
  const end = search(study, {
    control,
    signal: control.signal,
    evaluate: never,
    onEvent: (event) => events.push(event),
  });
  appendFileSync(`${study.path}-requests`, 'not a request\n{"action":"format"}\n');
  sendRequest(study.path, { action: 'pause' });
  sendRequest(study.path, { action: 'stop' });
  assert.equal(await end, 'interrupted');
  const asked = events.flatMap((event) => (event.kind === 'requested' ? event.request.action : []));
  assert.deepEqual(asked, ['pause', 'stop']);
});

test('the file of requests goes with the search', () => {
  const study = newStudy();
  const control = controlOf(study);
  sendRequest(study.path, { action: 'pause' });
  control[Symbol.dispose]();
  assert.equal(existsSync(`${study.path}-requests`), false);
});

test('requests from outside are parsed or refused', () => {
  assert.deepEqual(parseRequest({ action: 'add', trials: 3 }), { action: 'add', trials: 3 });
  for (const wrong of [
    null,
    {},
    { action: 'add' },
    { action: 'add', trials: -1 },
    { action: 'try', decisions: 'x' },
    { action: 'stop', more: 1 },
  ])
    assert.throws(() => parseRequest(wrong), /expected \{"action": "pause"\}/);
});
