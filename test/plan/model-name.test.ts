// MODEL strings.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBestOf } from '../../src/best-of.ts';
import {
  filtersFor,
  type ModelFlags,
  modelOptions,
  parseArchitectureSource,
  parseModelName,
  parseTrial,
  resolveArchitecture,
} from '../../src/plan/model-name.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';

test('the three kinds of MODEL are recognised', () => {
  assert.deepEqual(parseModelName('nasnet-a:6@768'), {
    source: { kind: 'named', name: 'nasnet-a' },
    cells: 6,
    penultimate: 768,
  });
  assert.deepEqual(parseModelName('runs/a:b/cell.json:4@1056').source, { kind: 'file', path: 'runs/a:b/cell.json' });
  assert.deepEqual(parseModelName('study.db#12:2@768').source, { kind: 'trial', path: 'study.db', trial: 12 });
  assert.deepEqual(parseModelName('study.db:2').source, { kind: 'trial', path: 'study.db', trial: undefined });
  assert.equal(parseModelName('nasnet-a:2').penultimate, undefined);
});

test('the message for an invalid MODEL shows a valid one', () => {
  assert.throws(
    () => parseModelName('nasnet-a'),
    /^InputError: model: expected SOURCE:N@P such as nasnet-a:6@768, or SOURCE:cifar\|mobile\|large, got "nasnet-a"$/,
  );
  for (const text of ['nasnet-a:6@', 'nasnet-a:huge', ':mobile', 'nasnet-a:', 'nasnet-a:constructor']) {
    assert.throws(() => parseModelName(text), new RegExp(`got "${text}"$`));
  }
  assert.throws(
    () => parseModelName('nasnet-b:4@1152'),
    /expected a named one \(quick, nasnet-a\), FILE.json, .* got "nasnet-b"$/,
  );
  assert.throws(() => parseArchitectureSource('constructor'), /got "constructor"$/);
});

test('P over F is 24 for NASNet-A, and 4 times the output width of any cell', () => {
  assert.equal(filtersFor(nasnetA, 6, 768), 32);
  assert.equal(filtersFor(nasnetA, 4, 1056), 44);
  assert.equal(filtersFor(nasnetA, 6, 4032), 168);
  const block = { inputs: [0, 1], operations: ['identity', 'identity'], combine: 'concat' } as const;
  const concatenating = { normal: { blocks: [block] }, reduction: { blocks: [block] } };
  assert.equal(filtersFor(concatenating, 1, 80), 10); // 2 · 4F
  assert.equal(planNetwork(concatenating, { cells: 1, filters: 10 }).endpoints.at(-1)!.shape[2], 80);
  assert.equal(filtersFor(nasnetA, 0, 160), 10); // the last cell is the reduction cell: 4 · 4F
  assert.equal(planNetwork(nasnetA, { cells: 0, filters: 10 }).endpoints.at(-1)!.shape[2], 160);
});

test('the message for an impossible P names the nearest possible ones', () => {
  assert.throws(() => filtersFor(nasnetA, 6, 770), /a multiple of 24 for this cell, got 770; nearest: 768 and 792$/);
  assert.throws(() => filtersFor(nasnetA, 6, 7), /got 7; nearest: 24$/);
});

const options = (text: string, flags: ModelFlags = {}) => modelOptions(parseModelName(text), nasnetA, flags);
const cifar = { layout: 'cifar', cells: 6, filters: 32, input: 32, classes: 10 };
const mobile = {
  layout: 'imagenet',
  cells: 4,
  filters: 44,
  input: 224,
  classes: 1000,
  stemChannels: 32,
  skipReductionInput: false,
};
const large = { ...mobile, cells: 6, filters: 168, input: 331, stemChannels: 96, skipReductionInput: true };

test('the names of the three released networks mean the same as their N @ P', () => {
  assert.deepEqual(options('nasnet-a:cifar'), cifar);
  assert.deepEqual(options('nasnet-a:6@768'), cifar);
  assert.deepEqual(options('nasnet-a:mobile'), mobile);
  assert.deepEqual(options('nasnet-a:4@1056'), mobile);
  assert.deepEqual(options('nasnet-a:large'), large);
  assert.deepEqual(options('nasnet-a:6@4032'), large);
});

test('a name gives any cell the N, F and other options of that network', () => {
  const block = { inputs: [0, 1], operations: ['identity', 'identity'], combine: 'add' } as const;
  const narrow = { normal: { blocks: [block] }, reduction: { blocks: [block] } }; // P = 4F
  const model = parseModelName('study.db#3:large');
  assert.deepEqual(model.source, { kind: 'trial', path: 'study.db', trial: 3 });
  assert.deepEqual(modelOptions(model, narrow, {}), large);
});

test('without a name the layout is CIFAR for a trial and for the P of its table, mobile up to P = 1536, above large', () => {
  assert.deepEqual(options('nasnet-a:6', { filters: 32 }), cifar);
  assert.equal(options('study.db#3:2@192').layout, 'cifar');
  assert.equal(options('study.db:4@1056').layout, 'cifar');
  assert.equal(options('cell.json:7@2304').layout, 'cifar');
  assert.deepEqual(options('cell.json:4@1536'), { ...mobile, filters: 64 });
  assert.deepEqual(options('nasnet-a:3@960'), { ...mobile, cells: 3, filters: 40 });
  assert.deepEqual(options('nasnet-a:7@1920'), { ...large, cells: 7, filters: 80 });
});

test('every flag replaces one option, and the layout replaces all that belong to it', () => {
  const flags = { input: [97, 225], classes: 1001, stemChannels: 48, skipReductionInput: true } as const;
  assert.deepEqual(options('nasnet-a:mobile', flags), { ...mobile, ...flags });
  assert.deepEqual(options('nasnet-a:mobile', { filters: 8 }), { ...mobile, filters: 8 });
  assert.deepEqual(options('nasnet-a:large', { skipReductionInput: false }), { ...large, skipReductionInput: false });
  assert.deepEqual(options('nasnet-a:large', { layout: 'cifar' }), { ...cifar, cells: 6, filters: 168 });
  assert.deepEqual(options('nasnet-a:cifar', { layout: 'imagenet' }), { ...mobile, cells: 6, filters: 32 });
  assert.deepEqual(options('study.db:4@1056', { layout: 'imagenet' }), mobile);
  assert.throws(() => options('nasnet-a:mobile', { layout: 'mnist' }), /expected cifar or imagenet, got "mnist"$/);
});

test('P and --filters exclude each other, and one of them is needed', () => {
  assert.throws(() => modelOptions(parseModelName('nasnet-a:6@768'), nasnetA, { filters: 32 }), /got both$/);
  assert.throws(() => modelOptions(parseModelName('nasnet-a:6'), nasnetA, {}), /got neither$/);
});

test('an architecture is read from its source', async () => {
  const reduction = { ...nasnetA, normal: nasnetA.reduction };
  const readers = {
    readText: (path: string) => (path === 'cell.json' ? printArchitecture(nasnetA) : '{}'),
    readTrial: (path: string, trial: number | undefined) => {
      assert.deepEqual([path, trial], ['study.db', 3]);
      return reduction;
    },
  };
  assert.deepEqual(await resolveArchitecture({ kind: 'file', path: 'cell.json' }, readers), nasnetA);
  assert.equal(await resolveArchitecture({ kind: 'trial', path: 'study.db', trial: 3 }, readers), reduction);
  assert.equal(await resolveArchitecture({ kind: 'named', name: 'nasnet-a' }, readers), nasnetA);
  await assert.rejects(
    resolveArchitecture({ kind: 'file', path: 'other.json' }, readers),
    /^InputError: other\.json: normal: expected an object/,
  );
});

test('best-of STUDY, STUDY#best and a study alone are its best trial, with and without a size', () => {
  const best = { kind: 'trial', path: 'runs/a b/s.db', trial: undefined };
  for (const text of ['best-of runs/a b/s.db', 'runs/a b/s.db#best', 'runs/a b/s.db', 'best-of  runs/a b/s.db#best']) {
    assert.deepEqual(parseArchitectureSource(text), best, text);
    assert.deepEqual(parseTrial(text), best, text);
    assert.deepEqual(parseModelName(`${text}:2@768`), { source: best, cells: 2, penultimate: 768 }, text);
  }
  for (const text of ['nasnet-a', 'cell.json', 's.db:2', 'network.safetensors', 'best-of'])
    assert.equal(parseTrial(text), undefined, text);
});

test('best-of and the word after it are one argument', () => {
  const joined = [
    [
      ['train', 'best-of', 's.db', '--epochs', '2'],
      ['train', 'best-of s.db', '--epochs', '2'],
    ],
    [
      ['search', '--known', 'best-of', 's.db'],
      ['search', '--known', 'best-of s.db'],
    ],
    [
      ['draw', 'best-of'],
      ['draw', 'best-of'],
    ],
    [
      ['evaluate', 'x', 'y'],
      ['evaluate', 'x', 'y'],
    ],
  ];
  for (const [words, expected] of joined) assert.deepEqual(joinBestOf(words!), expected);
});
