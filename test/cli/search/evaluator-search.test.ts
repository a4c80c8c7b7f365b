// `nasnet search --evaluator`: a complete search with the example program, resumed with the same or another command,
// and refusals.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { parseArchitecture } from '../../../src/space/parse.ts';
import { printArchitecture } from '../../../src/space/print.ts';
import { openSearch } from '../../../src/study/parse-settings.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { sendRequest } from '../../../src/study/requests.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { tinyCifar10 } from '../../data/tiny-cifar10.ts';
import { commandsIn, paste } from '../pasted.ts';
import { nasnet, nasnets, nodeArguments } from '../run.ts';

const folder = temporaryFolder({ after });
const program = resolve(import.meta.dirname, '../../../examples/evaluator/evaluator.py');
const command = `python3 ${JSON.stringify(program)} --epochs 2 --delay 0`;
const path = join(folder, 'study.db');
const searched = ['search', '--study', path, '--workers', '2'];

test('a search with the example program ends with the best cell as report, picture and architecture file, and is resumed', () => {
  const [first, more, other, changed, show] = nasnets([
    [...searched, '--evaluator', command, '--trials', '12', '--strategy', 'random'],
    [...searched, '--trials', '16'],
    [...searched, '--evaluator', `${command} --epochs 1`, '--trials', '18'],
    [...searched, '--evaluator', `${command} --epochs 1`, '--trials', '18', '--change-evaluator'],
    ['show', path, '--json'],
  ]) as [ReturnType<typeof nasnets>[number], ...ReturnType<typeof nasnets>];
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Random search tried 12 of 12 cells with rewards of "python3 /);
  assert.equal(more!.code, 0, more!.stderr);
  assert.equal(other!.code, 2);
  assert.match(
    other!.stderr,
    /^nasnet: --evaluator: expected "python3 .*", with which .*study\.db was started, got ".* --epochs 1"; --change-evaluator continues with the other one\n$/,
  );
  assert.equal(changed!.code, 0, changed!.stderr);
  const { summary, top } = JSON.parse(show!.stdout);
  assert.equal(summary.trials.done, 18);
  for (const name of ['report.html', 'best.svg', 'best.json']) assert.ok(existsSync(join(folder, name)), name);
  const best = parseArchitecture(JSON.parse(readFileSync(join(folder, 'best.json'), 'utf8')));
  assert.equal(printArchitecture(best), printArchitecture(top[0].architecture));

  using study = openSearch(path, { readOnly: true });
  assert.equal(study.settings.evaluator?.command, command);
  const epochs = study.trials().map(({ number }) => study.epochs(number).length);
  assert.deepEqual([epochs[0], epochs[17]], [2, 1]);
});

test('every command that such a search suggests works as printed', async () => {
  const environment = { NASNET_CACHE: join(folder, 'cache') };
  await tinyCifar10(environment.NASNET_CACHE);
  const study = "one's own/study.db";
  const words = ['search', '--study', study, '--evaluator', command, '--trials', '3', '--output', 'the results'];
  const { code, stdout, stderr } = nasnet(words, environment, folder);
  assert.equal(code, 0, stderr);
  const commands = commandsIn(stdout);
  assert.equal(commands.length, 3, stdout);
  const answers = commands.map((each) => {
    const brief = / train /.test(each) ? '--epochs 0.1 --training-images 40 --validation-images 20' : '';
    const ended = paste(each, folder, environment, brief);
    assert.equal(ended.code, 0, `${each}: ${ended.stderr}`);
    return ended.stdout;
  });
  assert.equal(answers[0]!.trim().split('\n').length, 1 + 3);
  assert.match(answers[1]!, /test accuracy .* of 50 images/);
  assert.match(answers[2]!, /tried 6 of 6 cells/);
});

test('impossible requests are refused in one sentence', () => {
  const fresh = join(folder, 'other', 'study.db');
  const own = join(folder, 'own.db');
  Study.create(own, settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' })).close();
  const refused: [string[], number, RegExp][] = [
    [
      ['search', '--study', fresh, '--time-limit', '5'],
      2,
      /^nasnet: --time-limit: expected --evaluator with it, got none\n$/,
    ],
    [
      ['search', '--study', fresh, '--evaluator', ' '],
      2,
      /^nasnet: --evaluator: expected a command such as 'python3 train.py', got " "\n$/,
    ],
    [
      ['search', '--study', fresh, '--evaluator', 'x', '--epochs', '2'],
      2,
      /^nasnet: --epochs: expected it in a search that nasnet trains itself, got it in one with an evaluator\n$/,
    ],
    [
      ['search', '--study', fresh, '--evaluator', 'x', '--queue', 'redis://head:6379'],
      2,
      /^nasnet: --queue: expected it in a search that nasnet trains itself, got it in one with an evaluator\n$/,
    ],
    [
      ['search', '--study', own, '--evaluator', 'x'],
      2,
      /^nasnet: --evaluator: expected none, with which .* was started, got "x"; name another file/,
    ],
    [
      ['search', '--study', fresh, '--evaluator', 'exit 3', '--workers', '1'],
      1,
      /^nasnet: the command "exit 3" cannot start: the evaluator ended with exit code 3\n$/,
    ],
    [['search', '--study', fresh, '--workers', '1', '--seed', '2'], 2, /^nasnet: --seed: expected 1, with which/],
  ];
  const ended = nasnets(refused.map(([words]) => words));
  for (const [index, [, code, sentence]] of refused.entries()) {
    const { stderr, code: got } = ended[index]!;
    assert.match(stderr.replace(/^Searching .*\n/, ''), sentence);
    assert.equal(got, code);
  }
});

/** Prints what it reads on stderr: a trial, its cancellation, the end. */
const patient = `exec python3 -c '
import json, sys
def note(text): print(text, file=sys.stderr, flush=True)
sys.stdin.readline()
print(json.dumps({"hello": {"protocol": 1}}), flush=True)
for line in sys.stdin: note("read " + " ".join(json.loads(line).keys()))
note("end")'`;

test('Ctrl-C cancels the trial, lets the program end by itself, and the study can be resumed', {
  timeout: 60_000,
}, async () => {
  const stopped = join(folder, 'stopped', 'study.db');
  const words = ['search', '--study', stopped, '--evaluator', patient, '--workers', '1', '--trials', '3'];
  const child = spawn(process.execPath, nodeArguments([...words, '--strategy', 'random']), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.startsWith('read id')) child.kill('SIGINT');
  }
  assert.deepEqual(await exit, [130, null]);
  assert.deepEqual(
    lines.filter((line) => /^(read|end)/.test(line)),
    ['read id trial decisions architecture key seed space', 'read cancel', 'end'],
  );
  assert.match(
    lines.at(-1)!,
    /^nasnet: stopped with 0 of 3 trials finished, all saved\. Run the same command to resume, or: .* search --study /,
  );
  const [ended] = nasnets([['search', '--study', stopped, '--evaluator', command, '--change-evaluator', '--json']]);
  assert.equal(ended!.code, 0, ended!.stderr);
  assert.equal(JSON.parse(ended!.stdout).summary.trials.done, 3);
});

test('trials that a person adds count in what an evaluator search says at its end', { timeout: 60_000 }, async () => {
  const added = join(folder, 'added', 'study.db');
  const gate = join(folder, 'gate');
  execFileSync('mkfifo', [gate]);
  /** Answers when the test has written into the gate. */
  const gated = `exec python3 -c '
import json, sys
sys.stdin.readline()
print(json.dumps({"hello": {"protocol": 1}}), flush=True)
for line in sys.stdin:
    if json.loads(line)["trial"] == 0: open("${gate}").read()
    print(json.dumps({"id": json.loads(line)["id"], "reward": 0.5}), flush=True)'`;
  const run = async (words: string[], onAdded: (child: ChildProcess) => void) => {
    const child = spawn(process.execPath, nodeArguments(['search', '--study', added, '--workers', '1', ...words]), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'exit');
    const output = text(child.stdout);
    let last = '';
    for await (const line of createInterface({ input: child.stderr })) {
      last = line;
      if (/^(Searching|Resuming) /.test(line)) sendRequest(added, { action: 'add', trials: 2 });
      if (line.startsWith('2 more trials')) onAdded(child);
    }
    await exit;
    return { last, output: await output };
  };
  const stopped = await run(['--evaluator', patient, '--trials', '3'], (child) => child.kill('SIGINT'));
  assert.match(stopped.last, /^nasnet: stopped with 0 of 5 trials finished/);
  const ended = await run(['--evaluator', gated, '--change-evaluator'], () => writeFileSync(gate, ''));
  assert.match(ended.output, /tried 7 of 7 cells/);
  assert.match(ended.output, / --trials 14\n/);
});
