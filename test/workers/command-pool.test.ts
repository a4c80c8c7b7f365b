// Evaluator commands: what they promise as any runner, and what is theirs alone: the protocol, time limits, process groups.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/failure.ts';
import { CommandPool, type CommandPoolOptions } from '../../src/workers/command-pool.ts';
import type { JobOutcome, RunOptions } from '../../src/workers/job-runner.ts';
import type { TestJob } from './evaluator.ts';
import { isAlive, resultOf, testRunner } from './runner-contract.ts';

const node = JSON.stringify(process.execPath);
const full = `exec ${node} ${JSON.stringify(join(import.meta.dirname, 'command-evaluator.ts'))}`;

const detailsOf = (value: unknown) => (value as { details?: unknown }).details;

function newPool({ workers = 1 }: { workers?: number } = {}) {
  const pool = new CommandPool({ command: full, workers, grace: 1000 });
  const run = async (job: TestJob, { onMessage, ...options }: RunOptions = {}): Promise<JobOutcome> => {
    const listen = onMessage && { onMessage: (message: unknown) => onMessage(detailsOf(message)) };
    const outcome = await pool.run(job, { ...options, ...listen });
    return 'result' in outcome ? { ...outcome, result: detailsOf(outcome.result) } : outcome;
  };
  return { pool, run, [Symbol.asyncDispose]: () => pool.close() };
}

testRunner({ name: 'evaluator commands', one: 'the evaluator', create: newPool });

/** An evaluator of a few lines: says hello, then does as the code says with each request. */
const python = (code: string, hello = '{"hello": {"protocol": 1}}') => {
  const lines = [
    'import json, os, signal, subprocess, sys, time',
    'def say(text):',
    '    print(text, flush=True)',
    'first = json.loads(sys.stdin.readline())["hello"]',
    `say('${hello}')`,
    'for line in sys.stdin:',
    '    request = json.loads(line)',
    '    if "cancel" in request: continue',
    '    id = request["id"]',
    ...code.split('\n').map((line) => `    ${line}`),
  ];
  return `exec python3 -c '${lines.join('\n').replaceAll("'", `'"'"'`)}'`;
};

const poolOf = (command: string, options: Partial<CommandPoolOptions> = {}) =>
  new CommandPool({ command, workers: 1, grace: 300, ...options });

test('without a time limit of its own a trial that never ends has one all the same', async () => {
  await using pool = poolOf(python('time.sleep(3600)'), { time: { first: 1, least: 1, times: 20 } });
  const retried: string[] = [];
  const outcome = await pool.run({}, { onRetry: (reason) => retried.push(reason) });
  const message = 'the evaluator took longer than 1 s, and was ended';
  assert.deepEqual(resultOf(outcome), { kind: 'timeout', message });
  assert.deepEqual(retried, [message]);
});

test('a command reads the hello line, its worker number and the job, and its epochs, reward and details come back', async () => {
  const command = python(
    `say(json.dumps({"id": id, "epoch": {"epoch": 1, "loss": None, "accuracy": 0.25}}))
say(json.dumps({"id": id, "reward": request["value"] / 2, "details": [first, os.environ["NASNET_WORKER"]]}))`,
  );
  await using pool = poolOf(command, { about: { space: 'a' } });
  const messages: unknown[] = [];
  const outcome = await pool.run({ value: 1 }, { onMessage: (message) => messages.push(message) });
  assert.deepEqual(messages, [{ epoch: 1, accuracy: 0.25 }]);
  const { reward, details } = resultOf(outcome) as { reward: number; details: [Record<string, unknown>, string] };
  assert.equal(reward, 0.5);
  const { nasnet, ...hello } = details[0];
  assert.match(String(nasnet), /^\d+\.\d+\.\d+/);
  assert.deepEqual([hello, details[1]], [{ protocol: 1, worker: 0, space: 'a' }, '0']);
});

const nonsense: [string, string, RegExp][] = [
  [
    'text',
    `say("epoch 1 \\x1b[31mdone\\x9b")`,
    /expected one JSON object a line on stdout \(other output belongs on stderr\), got "epoch 1 done"$/,
  ],
  ['NaN', `say(json.dumps({"id": id, "reward": float("nan")}))`, /\(JSON has no NaN and no Infinity\), got/],
  [
    'another id',
    `say(json.dumps({"id": id + 7, "reward": 0.5}))`,
    /expected the "id" of a request that it was sent, got/,
  ],
  ['no number', `say(json.dumps({"id": id, "reward": "0.9"}))`, /expected a number as "reward", got/],
  [
    'two kinds',
    `say(json.dumps({"id": id, "reward": 1, "failure": {"message": "x"}}))`,
    /expected one of "epoch", "reward" and "failure"/,
  ],
  [
    'half an epoch',
    `say(json.dumps({"id": id, "epoch": {"epoch": 0.5}}))`,
    /expected epoch.epoch as a whole number of at least 1, got/,
  ],
  [
    'a failure without words',
    `say(json.dumps({"id": id, "failure": {}}))`,
    /expected {"message": "why"} as "failure", got/,
  ],
  [
    'two million characters',
    `sys.stdout.write("x" * 2000000); sys.stdout.flush(); time.sleep(60)`,
    /expected a line of at most 1000000 characters, got "x+…"$/,
  ],
  ['hello again', `say('{"hello": {"protocol": 1}}')`, /expected one hello line, got/],
];

for (const [name, code, expected] of nonsense) {
  test(`nonsense (${name}): the command is replaced, the job tried once more, then failed with the line`, async () => {
    await using pool = poolOf(python(code));
    const retried: string[] = [];
    const outcome = resultOf(await pool.run({}, { onRetry: (reason) => retried.push(reason) }));
    const { kind, message } = outcome as { kind: string; message: string };
    assert.equal(kind, 'protocol');
    assert.match(message, /^the evaluator wrote a line that is no answer: expected /);
    assert.match(message.replace(/; its last lines.*/, ''), expected);
    assert.doesNotMatch(message, /\p{Cc}/u);
    assert.equal(retried.length, 1);
  });
}

test('a failure that the command reports is the outcome of its job, and its process goes on', async () => {
  await using pool = poolOf(
    python(`say(json.dumps({"id": id, "failure": {"kind": "diverged", "message": "loss\\n\\x1b[2J 1e30"}}))`),
  );
  assert.deepEqual(resultOf(await pool.run({})), { kind: 'diverged', message: 'loss 1e30' });
  const [pid] = pool.pids;
  await pool.run({});
  assert.deepEqual(pool.pids, [pid]);
});

test('a job beyond the time limit: a command that answers the cancellation lives on, and the job has failed', async () => {
  const command = python(
    `cancelled = json.loads(sys.stdin.readline())
say(json.dumps({"id": id, "failure": {"message": "gave up " + str(cancelled["cancel"] == id)}}))`,
  );
  await using pool = poolOf(command, { timeLimit: 0.1, grace: 20_000 });
  const retried: string[] = [];
  const outcome = resultOf(await pool.run({}, { onRetry: (reason) => retried.push(reason) }));
  assert.deepEqual(outcome, { kind: 'timeout', message: 'it took longer than 0.1 s; the evaluator: gave up True' });
  assert.deepEqual([retried, pool.pids.length], [[], 1]);
});

test('a job beyond the time limit: a command that hangs is killed, the job tried once more, then failed', async () => {
  await using pool = poolOf(python('signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'), {
    timeLimit: 0.1,
  });
  const retried: string[] = [];
  const { kind, message } = resultOf(await pool.run({}, { onRetry: (reason) => retried.push(reason) })) as Record<
    string,
    string
  >;
  assert.equal(kind, 'timeout');
  assert.equal(
    message,
    'the evaluator took longer than 0.1 s for a trial, did not stop within 0.3 s of being told to, and was ended',
  );
  assert.equal(retried.length, 1);
});

test('a command that can never start rejects all jobs with one sentence', async () => {
  await using missing = poolOf('no-such-program-of-ours');
  await assert.rejects(missing.run({}), (error: Failure) => {
    assert.ok(error instanceof Failure);
    assert.match(
      error.message,
      /^the command "no-such-program-of-ours" cannot start: the evaluator ended with exit code 127; its last lines: .*not found$/,
    );
    return true;
  });
  await using chatty = poolOf('echo ready; sleep 60');
  await assert.rejects(chatty.run({}), /cannot start: the evaluator wrote a line that is no answer: .* got "ready"$/);
  await using silent = poolOf('sleep 60', { toStart: 50 });
  await assert.rejects(silent.run({}), /cannot start: the evaluator was not ready after 0 s and was ended$/);
  await using later = poolOf(python('pass', '{"hello": {"protocol": 2}}'));
  await assert.rejects(later.run({}), /cannot start: expected protocol 1 in its hello line, got 2$/);
  await using early = poolOf(`echo '{"id": 0, "reward": 1}'; sleep 60`);
  await assert.rejects(early.run({}), /expected a hello line first, got/);
});

test('a signal that ends a program under its shell is told as such', async () => {
  const command = python('os.kill(os.getpid(), signal.SIGKILL)').replace(/^exec /, '');
  await using pool = poolOf(`${command}; exit $?`);
  const { kind, message } = resultOf(await pool.run({})) as Record<string, string>;
  assert.equal(kind, 'out-of-memory');
  assert.match(message!, /^the evaluator was killed \(SIGKILL\), most likely because the machine ran out of memory/);
});

test('stderr passes through, and its last lines stand in the failure', async () => {
  const lines: string[] = [];
  await using pool = poolOf(python('sys.stderr.write("loading\\nno \\x1b[1mmemory\\n"); sys.exit(3)'), {
    onErrorLine: (line) => lines.push(line),
  });
  const { message } = resultOf(await pool.run({})) as { message: string };
  assert.equal(message, 'the evaluator ended with exit code 3; its last lines: loading | no memory');
  assert.deepEqual(lines, ['loading', 'no memory', 'loading', 'no memory']);
});

const withChild = python(
  `child = subprocess.Popen(["sleep", "60"])
say(json.dumps({"id": id, "epoch": {"epoch": 1, "details": [os.getpid(), child.pid]}}))
time.sleep(60)`,
);

async function gone(pids: number[]): Promise<void> {
  while (pids.some(isAlive)) await sleep(10);
}

test('closing ends a command that does not listen, with the processes that it started', {
  timeout: 20_000,
}, async () => {
  const pool = poolOf(withChild);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const run = pool.run({}, { onMessage: (message) => resolve(detailsOf(message)) });
  const ended = assert.rejects(run, /pool is closed/);
  const pids = (await promise) as number[];
  assert.equal(pids.filter(isAlive).length, 2);
  await pool.close();
  await ended;
  await gone(pids);
});

test('no command outlives its killed parent, nor what it started', { timeout: 20_000 }, async () => {
  const script = join(import.meta.dirname, 'command-parent.ts');
  const parent = spawn(process.execPath, [script, withChild], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pids: number[] = JSON.parse(String((await once(parent.stdout, 'data'))[0]));
  assert.equal(pids.filter(isAlive).length, 2);
  parent.kill('SIGKILL');
  await gone(pids);
});
