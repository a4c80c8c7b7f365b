// `nasnet profile` and `nasnet draw` as a user runs them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { planNetwork } from '../../src/space/plan.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Study } from '../../src/study/study.ts';

const source = resolve(import.meta.dirname, '../../src');
const folder = mkdtempSync(join(tmpdir(), 'nasnet-profile-'));
after(() => rmSync(folder, { recursive: true }));

function nasnet(...words: string[]) {
  const script = `process.exitCode = await (await import(${JSON.stringify(join(source, 'cli/main.ts'))})).main(process.argv.slice(1))`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const architecture = decode(sampleDecisions(new RandomStream(3)));
const file = join(folder, 'cell.json');
writeFileSync(file, printArchitecture(architecture));

const studyFile = join(folder, 'study.db');
const decisions = [1, 2].map((seed) => sampleDecisions(new RandomStream(seed)));
const study = Study.create(studyFile, {});
for (const [number, trial] of decisions.entries()) {
  study.log.ask(number, trial);
  study.log.start(number);
  study.log.finish(number, { reward: [0.7, 0.5][number]!, seconds: 1 });
}
study.close();

test('profile --json prints the four published figures of NASNet-A 6@768 and its endpoints', () => {
  const { status, stdout, stderr } = nasnet('profile', 'nasnet-a:6@768', '--layout', 'cifar', '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const { endpoints, ...figures } = JSON.parse(stdout);
  assert.deepEqual(figures, {
    trainableParameters: 3_346_538,
    totalParameters: 3_383_786,
    multiplyAdds: 544_333_312,
    auxiliaryParameters: 1_631_498,
  });
  assert.equal(endpoints.length, 22);
  assert.deepEqual(endpoints[13], { name: 'Cell_11', shape: [16, 16, 384] });
});

test('profile without --json prints a row for each part, whose parameters and multiply-adds sum to the totals', () => {
  const { status, stdout } = nasnet(
    'profile',
    `${file}:1`,
    '--filters',
    '6',
    '--layout',
    'cifar',
    '--input',
    '20x24',
    '--classes',
    '7',
  );
  assert.equal(status, 0);
  const rows = stdout
    .split('\n\n')[0]!
    .split('\n')
    .slice(1)
    .filter((row) => !row.startsWith('Auxiliary'));
  const column = (index: number) =>
    rows.reduce((sum, row) => sum + Number(row.split(/ {3,}/)[index]!.replaceAll(',', '')), 0);
  const plan = planNetwork(architecture, { cells: 1, filters: 6, input: [20, 24], classes: 7 });
  assert.deepEqual([column(2), column(3)], [plan.trainableParameters, plan.multiplyAdds]);
  assert.ok(stdout.includes(`${plan.trainableParameters.toLocaleString('en-US')} trainable parameters`));
});

test('an image too small for the auxiliary head is profiled without one', () => {
  const { status, stdout } = nasnet('profile', 'nasnet-a:1', '--filters', '4', '--layout', 'cifar', '--input', '8');
  assert.equal(status, 0);
  assert.match(stdout, /no auxiliary head: the image is too small for one/);
});

test('bad input is one sentence on stderr and exit code 2', () => {
  const refused = (words: string[], sentence: RegExp) => {
    const { status, stdout, stderr } = nasnet(...words);
    assert.deepEqual([status, stdout], [2, ''], words.join(' '));
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split('\n').length, 1);
  };
  refused(['profile', 'nasnet-a:6@770'], /a multiple of 24 for this cell, got 770; nearest: 768 and 792$/m);
  refused(['profile', 'nasnet-a:4@1056'], /layout/);
  refused(['profile', 'nasnet-a:6@768', '--input', '0'], /--input: expected a size in pixels/);
  refused(
    ['profile', `${join(folder, 'none.json')}:2@96`],
    /none\.json: expected an architecture file, got no such file$/m,
  );
  refused(['draw', 'nasnet-z', '-o', join(folder, 'z.svg')], /expected a published one \(nasnet-a\)/);
  refused(
    ['draw', join(folder, 'none.db'), '-o', join(folder, 'z.svg')],
    /none\.db: expected a study, got no such file$/m,
  );
  refused(['draw', `${studyFile}#2`, '-o', join(folder, 'z.svg')], /#2: expected a trial from 0 to 1, got 2$/m);
  writeFileSync(join(folder, 'bad.json'), printArchitecture(nasnetA).replace('"inputs": [2, 0]', '"inputs": [7, 0]'));
  refused(
    ['draw', join(folder, 'bad.json'), '-o', join(folder, 'z.svg')],
    /bad\.json: reduction\.blocks\[4\]\.inputs\[0\]: expected a hidden state from 0 to 5, got 7$/m,
  );
});

test('draw writes published cells, files, a trial and the best trial of a study', () => {
  const output = join(folder, 'cell.svg');
  const drawn = (name: string) => {
    assert.deepEqual(nasnet('draw', name, '-o', output), { status: 0, stdout: '', stderr: '' });
    return readFileSync(output, 'utf8');
  };
  assert.match(drawn('nasnet-a'), /<title>NASNet-A<\/title>/);
  assert.match(drawn(file), /<title>cell\.json<\/title>/);
  const trial = (svg: string) => svg.match(/<desc>(.*)<\/desc>/)![1];
  const [first, second] = [drawn(`${studyFile}#0`), drawn(`${studyFile}#1`)];
  assert.notEqual(trial(first), trial(second));
  assert.equal(trial(drawn(studyFile)), trial(first)); // reward 0.7 against 0.5
  assert.equal(nasnet('draw', 'nasnet-a', '-o', '-').stdout, drawn('nasnet-a'));
});

test('profile loads neither engine nor SQLite for a published cell', () => {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const imports = readFileSync(name, 'utf8').matchAll(/^import (?!type).*?from '(\.[^']+)';/gms);
    for (const [, specifier] of imports) visit(resolve(dirname(name), specifier!));
  };
  visit(join(source, 'cli/profile.ts'));
  const folders = new Set([...seen].map((name) => name.slice(source.length + 1).split('/')[0]));
  assert.deepEqual([...folders].sort(), ['cli', 'failure.ts', 'space']);
});
