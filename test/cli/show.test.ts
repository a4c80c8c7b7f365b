// `nasnet show` of a study with a ladder, as text and as JSON.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { temporaryFolder } from '../data/temporary.ts';
import { climbedStudy } from '../study/climbed-study.ts';
import { nasnet, nasnets, nodeArguments } from './run.ts';

const folder = temporaryFolder({ after });

test('show --trials prints every trial, also into a pipe that is closed early', () => {
  const path = join(folder, 'trials.db');
  climbedStudy(path).close();
  const [csv, json, alone] = nasnets([
    ['show', path, '--format', 'csv'],
    ['show', path, '--trials', '--format', 'xml'],
    ['show', path, '--trials', '--top', 'x'],
  ]);
  assert.deepEqual([csv!.code, json!.code, alone!.code], [2, 2, 2]);
  assert.equal(csv!.stderr, 'nasnet: --format: expected --trials with it, got none\n');
  const { stdout, stderr, code } = nasnet(['show', path, '--trials', '--format', 'json']);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).length, 12);
  const words = nodeArguments(['show', path, '--trials']).map((word) => `'${word.replaceAll("'", `'"'"'`)}'`);
  const piped = `'${process.execPath}' ${words.join(' ')} | head -c 5`;
  const closed = spawnSync('sh', ['-c', piped], { encoding: 'utf8' });
  assert.deepEqual([closed.stdout, closed.stderr], ['trial', '']);
});

test('show prints the trainings, the best reward and the time of each rung, and the correlations of rungs', () => {
  const path = join(folder, 'study.db');
  climbedStudy(path).close();
  const [text, json] = nasnets([
    ['show', path],
    ['show', path, '--top', '3', '--json'],
  ]);
  assert.deepEqual([text!.code, json!.code], [0, 0], text!.stderr + json!.stderr);
  const lines = text!.stdout.split('\n').map((line) => line.trim().split(/ {2,}/).join(' | '));
  assert.ok(lines.includes("rung | training | trained | best | mean | workers' time | weights"), text!.stdout);
  const rung1 =
    '1 | 3 epochs on 48,000 images of 8 × 8, N = 1, F = 4 | 6 | 50.00% (trial 1) | 44.17% | 1 min | of rung 0, 1 lost';
  assert.ok(lines.includes(rung1), text!.stdout);
  assert.ok(
    lines.some((line) => /^0 and 1 \| 6 \| 0\.87 \(95% interval 0\.\d\d to 0\.\d\d\)$/.test(line)),
    text!.stdout,
  );
  assert.ok(
    lines.some((line) => line.startsWith('1 | trial 0 | 70.00% | rung 2 | ')),
    text!.stdout,
  );

  const { top, ladder } = JSON.parse(json!.stdout);
  assert.deepEqual(
    top.map(({ trial, reward, climbed }: { trial: number; reward: number; climbed: { rung: number } }) => [
      trial,
      reward,
      climbed.rung,
    ]),
    [
      [0, 0.7, 2],
      [1, 0.6, 2],
      [2, 0.44, 1],
    ],
  );
  assert.deepEqual(
    ladder.rungs.map(({ done, failed, open }: Record<string, number>) => [done, failed, open]),
    [
      [12, 0, 0],
      [6, 0, 0],
      [2, 1, 1],
    ],
  );
});
