// `nasnet ask` and `nasnet tell` as scripts call them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../data/temporary.ts';
import { type Ended, nasnets, nodeArguments } from './run.ts';

const folder = temporaryFolder({ after });

test('a script creates a study, asks, tells, and learns that it is finished', () => {
  const path = join(folder, 'study.db');
  const ended = nasnets([
    ['ask', path, '--create', '--trials', '2', '--strategy', 'random', '--blocks', '2', '--json'],
    ['ask', path, '--again', '--json'],
    ['ask', path],
    ['tell', path, '0', '0.25'],
    ['tell', path, '0', '0.25'],
    ['tell', path, '7', '0.25'],
    ['ask', path],
    ['tell', path, '1', '--failed', 'no luck'],
    ['ask', path, '--json'],
    ['ask', path],
    ['show', path, '--trials', '--format', 'json'],
  ]);
  assert.deepEqual(
    ended.map(({ code }) => code),
    [0, 0, 2, 0, 2, 2, 0, 0, 0, 0, 0],
  );
  const [first, again, early, , twice, unknown, text, , finished, words, shown] = ended as [Ended, ...Ended[]];
  const request = JSON.parse(first.stdout);
  assert.deepEqual(Object.keys(request), ['trial', 'decisions', 'architecture', 'key', 'seed', 'space']);
  assert.deepEqual([request.trial, request.decisions.length, request.space], [0, 20, 'a']);
  assert.deepEqual(JSON.parse(again!.stdout), request);
  assert.match(
    early!.stderr,
    /^nasnet: .*: expected an outcome of trial 0 first, by "tell", got another ask; --again returns .*\n$/,
  );
  assert.match(twice!.stderr, /trial 0: expected one without an outcome, got one that has the reward 0\.25\n$/);
  assert.match(unknown!.stderr, /trial: expected one from 0 to 0, got 7\n$/);
  assert.match(text!.stdout, /^trial 1, seed \d+\ndecisions (\d+ ){19}\d+\nnormal\n {2}2 = /);
  assert.deepEqual(JSON.parse(finished!.stdout), { finished: true, trials: 2, best: { trial: 0, reward: 0.25 } });
  assert.equal(words!.stdout, 'All 2 trials have outcomes; the best is trial 0 with the reward 0.25.\n');
  const [done, failed] = JSON.parse(shown!.stdout);
  assert.deepEqual([done.reward, failed.failure], [0.25, { kind: 'reported', message: 'no luck' }]);
});

test('invalid arguments are refused in one sentence', () => {
  const path = join(folder, 'study.db');
  const refused: [string[], RegExp][] = [
    [['ask', join(folder, 'none.db')], /none\.db: expected a study, or --create to create one, got no such file\n$/],
    [['ask', path, '--at-once', '3'], /^nasnet: --at-once: expected 1, with which .* was started, got 3\n$/],
    [['ask', path, '--seed', '3'], /^nasnet: --seed: expected 1, with which .* was started, got 3/],
    [['tell', path, 'x', '1'], /^nasnet: trial: expected a whole number, got "x"\n$/],
    [['tell', path, '1', '1.5'], /^nasnet: reward: expected a number from 0 to 1, got "1\.5"\n$/],
    [['tell', path, '1', ''], /^nasnet: reward: expected a number from 0 to 1, got ""\n$/],
    [['tell', path, '1'], /^nasnet: reward: expected a number from 0 to 1 or --failed, got neither\n$/],
    [
      ['tell', path, '1', '0.5', '--failed', 'x'],
      /^nasnet: reward: expected a number from 0 to 1 or --failed, got both\n$/,
    ],
    [
      ['search', '--study', path],
      /expected outcomes by ".*nasnet tell", as before, or --evaluator with --change-evaluator, got neither\n$/,
    ],
  ];
  for (const [index, { code, stderr }] of nasnets(refused.map(([words]) => words)).entries()) {
    assert.match(stderr, refused[index]![1]);
    assert.equal(code, 2);
  }
});

test('four scripts that ask at the same time get four trials', async () => {
  const path = join(folder, 'four.db');
  const words = ['ask', path, '--create', '--at-once', '4', '--strategy', 'random', '--json'];
  const run = promisify(execFile);
  const asked = await Promise.all([0, 1, 2, 3].map(() => run(process.execPath, nodeArguments(words))));
  const trials = asked.map(({ stdout }) => JSON.parse(stdout).trial);
  assert.deepEqual(trials.sort(), [0, 1, 2, 3]);
});
