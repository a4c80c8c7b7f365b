// `nasnet search` as a user runs it, on a generated folder of images.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { hashOfFile } from '../../../src/file-hash.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const nasnet = resolve(import.meta.dirname, '../../../bin/nasnet');
const folder = temporaryFolder({ after });
const images = join(folder, 'images');
const environment = { ...process.env, NASNET_CACHE: join(folder, 'cache') };
const settings = ['--preset', 'smoke', '--dataset', images, '--trials', '4', '--workers', '2'];

before(async () => {
  const colours = { red: [200, 40, 40], green: [40, 200, 40], blue: [40, 40, 200] };
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    mkdirSync(join(images, name), { recursive: true });
    for (let index = 0; index < 60; index++) {
      const background = { r: r! + (index % 7), g: g! + (index % 5), b: b! + (index % 3) };
      const picture = sharp({ create: { width: 40, height: 40, channels: 3, background } });
      await picture.png().toFile(join(images, name, `${index}.png`));
    }
  }
  writeFileSync(join(images, 'red', 'broken.png'), 'no picture');
});

function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [nasnet, ...words], {
    env: environment,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

const study = join(folder, 'whole', 'study.db');

test('a search ends with a study, pictures, an architecture, weights and a report, and prints its findings', () => {
  const { code, stdout, stderr } = run('search', ...settings, '--study', study);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /1 image could not be read: .*broken\.png/);
  assert.match(stdout, /tried 4 of 4 cells/);
  assert.match(stdout, /of the 30 test images right/); // a sixth of 180
  const results = ['report.html', 'best.svg', 'best.json', 'network.safetensors', 'network.best.safetensors'];
  for (const name of [...results, 'network.training.json']) {
    assert.ok(existsSync(join(folder, 'whole', name)), name);
    assert.match(stdout, new RegExp(`^  ${name.replaceAll('.', '\\.')} `, 'm'));
  }
  assert.ok(!existsSync(join(folder, 'whole', 'checkpoint.safetensors')));
  const page = readFileSync(join(folder, 'whole', 'report.html'), 'utf8');
  assert.match(page, /Accuracy per class/);
  assert.doesNotMatch(page, /<script|(?:src|href)="http/, 'the page needs no other file');
});

test('a finished search repeats nothing and suggests how to start a new one', () => {
  const weights = readFileSync(join(folder, 'whole', 'network.safetensors'));
  const { code, stdout } = run('search', ...settings, '--study', study);
  assert.equal(code, 0);
  assert.match(stdout, /To start a new search/);
  assert.match(
    run('search', '--study', study, '--dry-run').stdout,
    /\nThis search is finished: nothing is left to train\.\n$/,
  );
  assert.match(run('search', '--study', study, '--trials', '6', '--dry-run').stdout, /^2 children of about /m);
  assert.ok(readFileSync(join(folder, 'whole', 'network.safetensors')).equals(weights));
});

test('show prints the same as JSON, and evaluate measures the accuracy that the study stores', () => {
  const shown = run('show', study, '--json');
  assert.equal(shown.code, 0, shown.stderr);
  const found = JSON.parse(shown.stdout);
  assert.equal(found.summary.trials.done, 4);
  assert.equal(found.top[0].trial, found.final.trial);
  assert.equal(found.finalists.rows[0].trial, found.final.trial, 'the final network is of the cell that won the race');
  assert.deepEqual([found.finalists.rows.length, found.finalists.runs], [2, 4]);
  const record = JSON.parse(readFileSync(join(folder, 'whole', 'network.training.json'), 'utf8'));
  const { weightsHash, classes, training, ...figures } = record;
  const network = join(folder, 'whole', 'network.safetensors');
  assert.equal(weightsHash, hashOfFile(network), 'evaluate knows by it that the epochs are those of these weights');
  assert.deepEqual([figures, classes, training], [found.final, found.classes, found.finalTraining]);
  const evaluated = run('evaluate', network, '--dataset', images, '--json');
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(JSON.parse(evaluated.stdout).accuracy, found.final.testAccuracy);
});

test('a flag that contradicts the study is refused in one sentence, and the study does not change', () => {
  const { code, stderr } = run('search', ...settings, '--study', study, '--seed', '7');
  assert.equal(code, 2);
  assert.match(stderr, /^nasnet: --seed: expected 1, .* got 7; .*\n$/);
});

test('anything but a study, a network or a dataset is refused in one sentence', () => {
  const text = join(folder, 'notes.txt');
  writeFileSync(text, 'just text, longer than the header of a database file could be mistaken for\n'.repeat(20));
  for (const words of [
    ['show', text],
    ['search', '--study', text],
    ['evaluate', text],
    ['search', '--dataset', join(folder, 'nowhere'), '--study', join(folder, 'no.db')],
    ['search', '--preset', 'huge'],
    ['search', '--trials', 'many'],
    ['train', 'nasnet-a'],
  ]) {
    const { code, stderr } = run(...words);
    assert.equal(code, 2, `${words}: ${stderr}`);
    assert.match(stderr, /^nasnet: [^\n]+\n$/, words.join(' '));
  }
  assert.ok(!existsSync(join(folder, 'no.db')));
});

test('a study is resumed with its own cells, limits and memory, and with no others', () => {
  for (const [words, expected] of [
    [['--known', 'nasnet-a'], 'expected none'],
    [['--max-parameters', '1M'], 'expected none'],
    [['--re-evaluate'], 'expected false'],
  ] as const) {
    const { code, stderr } = run('search', ...words, '--study', study);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^nasnet: ${words[0]}: ${expected}.*, with which .* was started, got`));
  }
});

test('searches of spaces B and C end with a network and cells of their space, by the recipes that are asked for', () => {
  const recipes = '--child-recipe fast --final-recipe paper --final-label-smoothing 0.1 --final-patience 1'.split(' ');
  for (const [space, blocks, output, more, kept, lacking] of [
    ['b', 4, 'states', [], 'best', 'last'],
    ['c', 5, undefined, recipes, 'last', 'best'],
  ] as const) {
    const path = join(folder, space, 'study.db');
    const { code, stdout, stderr } = run('search', ...settings, ...more, '--space', space, '--study', path);
    assert.equal(code, 0, stderr);
    if (more.length > 0)
      assert.match(stderr, /^final .*, recipe paper, ends an epoch after .*, label smoothing 0\.1$/m);
    assert.match(stdout, new RegExp(`^  network\\.${kept}\\.safetensors `, 'm'));
    assert.ok(existsSync(join(folder, space, `network.${kept}.safetensors`)));
    assert.ok(!existsSync(join(folder, space, `network.${lacking}.safetensors`)));
    assert.match(stdout, new RegExp(`tried 4 of 4 cells of space ${space.toUpperCase()} on`));
    const { normal } = JSON.parse(readFileSync(join(folder, space, 'best.json'), 'utf8'));
    assert.deepEqual([normal.blocks.length, normal.output], [blocks, output]);
    assert.ok(existsSync(join(folder, space, 'network.safetensors')));
    assert.equal(run('profile', `${path}#1:1`, '--filters', '2').code, 0);
  }
  const other = run('search', '--space', 'a', '--study', join(folder, 'b', 'study.db'));
  assert.equal(other.code, 2);
  assert.match(other.stderr, /^nasnet: --space: expected b, with which .* was started, got a;/);
  const known = run(
    'search',
    ...settings,
    '--space',
    'b',
    '--blocks',
    '5',
    '--known',
    'nasnet-a',
    '--study',
    'none.db',
  );
  assert.equal(known.code, 2);
  assert.match(known.stderr, /--known nasnet-a: normal\.output: expected each created state passed on, as in space b/);
});

test('Ctrl-C saves finished work, and a resumed search has the cells of an uninterrupted one', async () => {
  const path = join(folder, 'interrupted', 'study.db');
  const child = spawn(process.execPath, [nasnet, 'search', ...settings, '--study', path], { env: environment });
  const stderr = await interruptAfter(child, /Searching/);
  assert.match(stderr, /stopped with \d of 4 children finished, all saved\. Run the same command to resume/);
  const { code } = run('search', ...settings, '--study', path);
  assert.equal(code, 0);
  const rewards = (file: string) => {
    const { top } = JSON.parse(run('show', file, '--json').stdout);
    return top.map(({ trial, reward, architecture }: Record<string, unknown>) => ({ trial, reward, architecture }));
  };
  assert.deepEqual(rewards(path), rewards(study));
});

/** Waits for a line, sends one SIGINT, and resolves with the output when the process has exited with 130. */
function interruptAfter(child: ChildProcess, line: RegExp): Promise<string> {
  const { promise, resolve: done, reject } = Promise.withResolvers<string>();
  let said = '';
  let sent = false;
  child.stderr!.on('data', (chunk) => {
    said += chunk;
    if (!sent && line.test(said)) {
      sent = true;
      child.kill('SIGINT');
    }
  });
  child.on('close', (code) => (code === 130 ? done(said) : reject(new Error(`exit code ${code}: ${said}`))));
  return promise;
}
