// Every trial as CSV and JSON, read back by Python's csv module and compared with the study.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { listTrials, trialsAsCsv, trialsAsJson } from '../../src/report/trial-list.ts';
import { architectureKey } from '../../src/space/canonical.ts';
import { decode, encode } from '../../src/space/decisions.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { climbedStudy } from '../study/climbed-study.ts';

const folder = temporaryFolder({ after });
const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random' });
const ugly = 'it said "no",\r\nthen\nnothing';

/** Creates a study of four trials: done, failed, a repeat, and one running. */
function smallStudy(): Study<SearchSettings> {
  const study = Study.create<SearchSettings>(join(folder, 'small.db'), settings);
  const { log } = study;
  for (let trial = 0; trial < 4; trial++) {
    log.ask(trial, sampleDecisions(new RandomStream(trial)));
    log.start(trial);
    log.epoch(trial, { epoch: 1, loss: 2.5, accuracy: 0.25, imagesPerSecond: 100 });
  }
  log.epoch(0, { epoch: 2, loss: Number.NaN });
  log.finish(0, { reward: 0.5, seconds: 12.5 });
  log.fail(1, { kind: 'crash', message: ugly }, 3);
  log.finish(2, { reward: 0.5, seconds: 0, sameAs: 0 });
  return study;
}

const python = `
import csv, io, json, sys
print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline='')))))`;

import { temporaryFolder } from '../data/temporary.ts';

function readCsv(text: string): Record<string, string>[] {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', python], { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('CSV and JSON have the study’s values of each trial', () => {
  using study = smallStudy();
  const rows = readCsv([...trialsAsCsv(listTrials(study))].join(''));
  const list = JSON.parse([...trialsAsJson(listTrials(study))].join(''));
  const records = study.trials();
  assert.deepEqual([rows.length, list.length], [4, 4]);
  for (const [number, record] of records.entries()) {
    const [row, listed] = [rows[number]!, list[number]];
    assert.deepEqual(JSON.parse(row.decisions!), record.decisions);
    assert.deepEqual(encode(JSON.parse(row.architecture!)), record.decisions);
    assert.equal(row.key, architectureKey(decode(record.decisions)));
    assert.deepEqual([listed.decisions, listed.key, listed.trial], [record.decisions, row.key, number]);
    assert.deepEqual(listed.architecture, JSON.parse(row.architecture!));
    assert.deepEqual([Date.parse(row.asked_at!), Date.parse(listed.askedAt)], [record.askedAt, record.askedAt]);
  }
  const column = (name: string) => rows.map((row) => row[name]);
  assert.deepEqual(column('state'), ['done', 'failed', 'done', 'running']);
  assert.deepEqual(column('reward'), ['0.5', '', '0.5', '']);
  assert.deepEqual(column('seconds'), ['12.5', '3', '0', '']);
  assert.deepEqual(column('failure_message'), ['', ugly, '', '']);
  assert.deepEqual(column('same_as'), ['', '', '0', '']);
  assert.deepEqual(column('epochs'), ['2', '1', '1', '1']);
  assert.deepEqual(column('losses'), ['[2.5,null]', '[2.5]', '[2.5]', '[2.5]']);
  assert.deepEqual(
    column('finished_at').map((time) => time === ''),
    [false, false, false, true],
  );
  assert.deepEqual(list[1].failure, { kind: 'crash', message: ugly });
  assert.deepEqual(list[0].epochs, [
    { epoch: 1, loss: 2.5, accuracy: 0.25, imagesPerSecond: 100 },
    { epoch: 2, loss: null, accuracy: null, imagesPerSecond: null },
  ]);
});

test('a promoted trial has its reward at every rung', () => {
  using study = climbedStudy(join(folder, 'climbed.db'));
  const rewards = [...listTrials(study)].map(({ rungRewards }) => rungRewards);
  assert.deepEqual(rewards.slice(0, 4), [
    [0.3, 0.45, 0.7],
    [0.29, 0.5, 0.6],
    [0.28, 0.44, null],
    [0.27, 0.43, null],
  ]);
  assert.deepEqual(rewards[11], [0.1]);
});

test('a study of more than a page has every trial once; an empty study is an empty list', () => {
  using study = Study.create<SearchSettings>(join(folder, 'long.db'), settings);
  const texts = () => [...trialsAsJson(listTrials(study))].join('');
  assert.deepEqual(JSON.parse(texts()), []);
  const decisions = sampleDecisions(new RandomStream(1));
  study.transaction(() => {
    for (let trial = 0; trial < 1000; trial++) study.log.ask(trial, decisions);
  });
  const numbers = JSON.parse(texts()).map(({ trial }: { trial: number }) => trial);
  assert.deepEqual(
    numbers,
    Array.from({ length: 1000 }, (_, trial) => trial),
  );
});
