// The race of finalists on a study: its trials, kill -9 and Ctrl-C (which cost only running trainings), failures, and
// the order of the best trials.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import type { Evaluate } from '../../src/experiment/evaluator.ts';
import { chooseFinalists, type FinalistToTrain, raceFinalists } from '../../src/experiment/finalists.ts';
import { Failure } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { bestTrials, finalistRace } from '../../src/selection/finalist-race.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { accuracyOf, failing } from './finalists-outcomes.ts';

const folder = temporaryFolder({ after });
const count = 8;

/** A study of twelve trials, earlier ones better; the last one has trial 0's graph. */
function searched(name: string, seeds = { least: 2, most: 5 }): Study<SearchSettings> {
  const given = { dataset: 'cifar10', seed: 1, strategy: 'random', finalists: count };
  const { finalists, ...settings } = settingsOf('laptop', given);
  const study = Study.create<SearchSettings>(join(folder, name), {
    ...settings,
    finalists: { ...finalists!, seeds, prefersKnown: false },
  });
  study.transaction(() => {
    for (let number = 0; number < 12; number++) {
      study.log.ask(number, sampleDecisions(new RandomStream(`finalist ${number % 11}`)));
      study.log.start(number);
      study.log.finish(number, { reward: number === 11 ? 0.89 : 0.9 - 0.02 * number, seconds: 1 });
    }
  });
  return study;
}

const train: Evaluate<FinalistToTrain> = async ({ trial, run }) =>
  trial === failing
    ? { failure: { kind: 'out-of-memory', message: 'no memory' }, seconds: 1 }
    : { reward: accuracyOf(trial, run), seconds: 1 };

/** Returns what must not depend on when processes died. */
function resultOf(study: Study<SearchSettings>) {
  const { racing, beaten, failed, end, trials, runs } = finalistRace(study)!;
  const done = runs.filter(({ state }) => state === 'done').map(({ trial, run, accuracy }) => [trial, run, accuracy]);
  return { racing, beaten, failed, end, trials, done };
}

test('the best trials race, one of each graph; eliminated and failed ones get no more runs', async () => {
  using study = searched('whole.db');
  assert.equal(finalistRace(study), undefined);
  assert.equal(await raceFinalists({ study, count, evaluate: train }), 'finished');
  const { trials, failed, racing, beaten, runs, end } = finalistRace(study)!;
  assert.deepEqual(trials, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(failed, [failing]);
  assert.deepEqual([...racing, ...beaten.flat(), failing].sort(), trials);
  assert.ok(end && beaten.flat().includes(7), 'twenty points behind with noise of one');
  const runsOf = (number: number) => runs.filter(({ trial, state }) => trial === number && state === 'done').length;
  assert.ok(racing.every((place) => runsOf(place) > runsOf(7)));
  assert.equal(runsOf(failing), 0);
});

test('known cells race in their order, as many as leave a place for another, and the first one always', () => {
  const decisions = [...'abcdef'].map((name) => sampleDecisions(new RandomStream(name)));
  const { finalists, ...settings } = settingsOf('laptop', { dataset: 'cifar10', seed: 1 });
  using study = Study.create<SearchSettings>(join(folder, 'known.db'), {
    ...settings,
    known: decisions.slice(0, 3),
    finalists: { ...finalists!, withKnown: true },
  });
  study.transaction(() => {
    for (const [number, reward] of [0.5, 0.4, 0.6, 0.9, 0.8, 0.7].entries()) {
      study.log.ask(number, decisions[number]!);
      study.log.start(number);
      study.log.finish(number, { reward, seconds: 1 });
    }
  });
  const chosen = [1, 2, 3, 4, 5, 6].map((count) => chooseFinalists(study, count).trials);
  assert.deepEqual(chosen, [[0], [3, 0], [3, 0, 1], [3, 2, 0, 1], [3, 4, 2, 0, 1], [3, 4, 5, 2, 0, 1]]);
});

test('with several arms the best of each race; a graph of two arms races once', async () => {
  const given = { dataset: 'cifar10', seed: 1, strategy: 'random,evolution', finalists: 2 };
  using study = Study.create<SearchSettings>(join(folder, 'arms.db'), settingsOf('laptop', given));
  // Even trials are the first arm's: 0.9, 0.8, 0.7 …; odd ones the second's, all worse but for trial 1, which is trial
  // 2's graph.
  const rewards = [0.9, 0.8, 0.8, 0.3, 0.7, 0.2, 0.6, 0.1];
  study.transaction(() => {
    rewards.forEach((reward, number) => {
      study.log.ask(number, sampleDecisions(new RandomStream(`arms ${number === 2 ? 1 : number}`)));
      study.log.start(number);
      study.log.finish(number, { reward, seconds: 1 });
    });
  });
  await raceFinalists({ study, count: 2, evaluate: train });
  const { trials, arms } = finalistRace(study)!;
  assert.deepEqual(trials, [0, 1, 3]);
  assert.deepEqual(arms, [
    [0, 1],
    [1, 3],
  ]);
});

test('a finished race gives the order: its winner first, then the rest of the study by reward', async () => {
  using study = searched('order.db');
  assert.deepEqual(
    bestTrials(study, 2).map(({ number }) => number),
    [0, 11],
    'before it, what the children reached',
  );
  await raceFinalists({ study, count, evaluate: train });
  const { racing, runs } = finalistRace(study)!;
  const meanOf = (number: number) => {
    const own = runs.flatMap(({ trial, accuracy }) => (trial === number && accuracy !== null ? [accuracy] : []));
    return own.reduce((sum, accuracy) => sum + accuracy, 0) / own.length;
  };
  const [winner] = [...racing].sort((a, b) => meanOf(b) - meanOf(a));
  const order = bestTrials(study, 20).map(({ number }) => number);
  assert.equal(order[0], winner);
  assert.deepEqual(order.slice(7), [11, failing, 8, 9, 10]);
  assert.equal(new Set(order).size, 12);
});

test('each training is requested once', async () => {
  using study = searched('asked.db');
  const asked: string[] = [];
  const evaluate: typeof train = (finalist, progress) => {
    asked.push(`${finalist.trial} ${finalist.run}`);
    return train(finalist, progress);
  };
  await raceFinalists({ study, count, evaluate });
  assert.equal(new Set(asked).size, asked.length);
  await raceFinalists({ study, count, evaluate });
  assert.equal(new Set(asked).size, asked.length, 'a finished race asks for nothing');
});

test('after Ctrl-C finished trainings are kept, and the race resumes with the same decisions', async () => {
  using expected = searched('expected.db');
  await raceFinalists({ study: expected, count, evaluate: train });
  using study = searched('interrupted.db');
  for (let stops = 0; ; stops++) {
    const stop = new AbortController();
    let finished = 0;
    const onEvent = ({ kind, ...event }: { kind: string; news?: { kind: string } }) => {
      if (kind === 'finalist' && event.news!.kind === 'done' && ++finished === 5) stop.abort();
    };
    const evaluate: typeof train = async (finalist, progress) => {
      progress.started();
      await new Promise((resolve) => setTimeout(resolve, (3 * finalist.trial + finalist.run) % 7));
      return train(finalist, progress);
    };
    const end = await raceFinalists({ study, count, evaluate, signal: stop.signal, onEvent });
    assert.ok(study.finalistRuns.all().every(({ state }) => state !== 'running'));
    if (end === 'interrupted') continue;
    assert.ok(stops > 1);
    break;
  }
  assert.deepEqual(resultOf(study), resultOf(expected));
});

test('when all finalists fail the reason is reported, and another call retries', async () => {
  using study = searched('failing.db');
  const failure = { kind: 'crash', message: 'no such device' };
  const evaluate: typeof train = async () => ({ failure, seconds: 1 });
  await assert.rejects(raceFinalists({ study, count, evaluate }), (error) => {
    return error instanceof Failure && /each of the 8 finalists failed.*crash: no such device/.test(error.message);
  });
  assert.equal(await raceFinalists({ study, count, evaluate: train }), 'finished');
});

test('more trials add new finalists, and runs of remaining ones count', async () => {
  using study = searched('more.db');
  await raceFinalists({ study, count, evaluate: train });
  study.log.ask(12, sampleDecisions(new RandomStream('better')));
  study.log.start(12);
  study.log.finish(12, { reward: 0.99, seconds: 1 });
  const asked: number[] = [];
  const evaluate: typeof train = (finalist, progress) => {
    asked.push(finalist.trial);
    return train(finalist, progress);
  };
  await raceFinalists({ study, count, evaluate });
  assert.deepEqual(finalistRace(study)!.trials, [12, 0, 1, 2, 3, 4, 5, 6]);
  assert.ok(asked.includes(12));
  assert.equal(asked.filter((trial) => trial > 5 && trial !== 12).length, 0, 'those that were beaten before stay so');
});

test('six kills change nothing and cost at most the trainings that ran', { timeout: 60_000 }, async (t) => {
  using expected = searched('alone.db');
  await raceFinalists({ study: expected, count, evaluate: train });
  const study = searched('killed.db');
  study.close();
  const notes = join(folder, 'killed');
  const random = new RandomStream('kills of finalists');
  const workers = 3;
  let kills = 0;
  for (; ; kills++) {
    const finished = await runUntil(study.path, notes, workers, kills < 6 ? 2 + random.integer(8) : undefined);
    using read = openSearch(study.path, { readOnly: true });
    const known = new Set(
      read.finalistRuns
        .all()
        .flatMap(({ trial, run, state }) => (state === 'done' || state === 'failed' ? [`${trial} ${run}`] : [])),
    );
    assert.ok(
      finished.every((each) => known.has(each)),
      'what was said to be finished is on disk',
    );
    if (kills === 6) break;
  }
  using killed = openSearch(study.path, { readOnly: true });
  assert.deepEqual(resultOf(killed), resultOf(expected));
  const trainings = readFileSync(notes, 'utf8').trim().split('\n');
  const repeated = trainings.length - new Set(trainings).size;
  assert.ok(repeated <= kills * workers, `${repeated} trainings were repeated`);
  t.diagnostic(`${trainings.length} trainings, ${repeated} of them repeated`);
});

/**
 * Runs the race in a process until it ends or, after so many lines, kills itself; returns the runs that it said were
 * finished.
 */
async function runUntil(
  path: string,
  notes: string,
  workers: number,
  lines = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const script = join(import.meta.dirname, 'finalists-process.ts');
  const child = spawn(process.execPath, [script, path, notes, String(workers), String(lines)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const finished: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, ...run] = line.split(' ');
    if (kind === 'done' || kind === 'failed') finished.push(run.join(' '));
  }
  const [code, signal] = await exit;
  if (signal !== 'SIGKILL') assert.equal(code, 0);
  assert.equal(signal === 'SIGKILL', lines !== Number.POSITIVE_INFINITY, 'the race was over before its kill');
  return finished;
}
