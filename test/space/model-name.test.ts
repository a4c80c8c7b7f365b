// MODEL strings.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  filtersFor,
  modelOptions,
  parseArchitectureSource,
  parseModelName,
  resolveArchitecture,
} from '../../src/space/model-name.ts';
import { planNetwork } from '../../src/space/plan.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';

test('the three kinds of MODEL are told apart', () => {
  assert.deepEqual(parseModelName('nasnet-a:6@768'), {
    source: { kind: 'published', name: 'nasnet-a' },
    cells: 6,
    penultimate: 768,
  });
  assert.deepEqual(parseModelName('runs/a:b/cell.json:4@1056').source, { kind: 'file', path: 'runs/a:b/cell.json' });
  assert.deepEqual(parseModelName('study.db#12:2@768').source, { kind: 'trial', path: 'study.db', trial: 12 });
  assert.deepEqual(parseModelName('study.db:2').source, { kind: 'trial', path: 'study.db', trial: undefined });
  assert.equal(parseModelName('nasnet-a:2').penultimate, undefined);
});

test('a MODEL that is none is answered with one that is', () => {
  assert.throws(
    () => parseModelName('nasnet-a'),
    /^InputError: model: expected SOURCE:N@P such as nasnet-a:6@768, got "nasnet-a"$/,
  );
  assert.throws(() => parseModelName('nasnet-a:6@'), /got "nasnet-a:6@"$/);
  assert.throws(
    () => parseModelName('nasnet-b:4@1152'),
    /expected a published one \(nasnet-a\), FILE.json, .* got "nasnet-b"$/,
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

test('a P that does not divide is answered with the nearest that do', () => {
  assert.throws(() => filtersFor(nasnetA, 6, 770), /a multiple of 24 for this cell, got 770; nearest: 768 and 792$/);
  assert.throws(() => filtersFor(nasnetA, 6, 7), /got 7; nearest: 24$/);
});

test('the layout is CIFAR for the P of its table or when asked for, and ImageNet is refused until it is there', () => {
  const model = parseModelName('nasnet-a:6@768');
  const expected = { layout: 'cifar', cells: 6, filters: 32, input: 32, classes: 10 };
  assert.deepEqual(modelOptions(model, nasnetA, {}), expected);
  assert.deepEqual(modelOptions(parseModelName('nasnet-a:6'), nasnetA, { filters: 32 }), expected);
  const mobile = parseModelName('nasnet-a:4@1056');
  assert.throws(
    () => modelOptions(mobile, nasnetA, {}),
    /layout: expected cifar, got imagenet .*1056.* --layout cifar$/,
  );
  assert.throws(() => modelOptions(model, nasnetA, { layout: 'imagenet' }), /not built yet/);
  assert.throws(() => modelOptions(model, nasnetA, { layout: 'mnist' }), /expected cifar or imagenet, got "mnist"$/);
  const asked = modelOptions(mobile, nasnetA, { layout: 'cifar', input: [40, 48], classes: 100 });
  assert.deepEqual(asked, { layout: 'cifar', cells: 4, filters: 44, input: [40, 48], classes: 100 });
});

test('P and --filters exclude each other, and one of them is needed', () => {
  assert.throws(() => modelOptions(parseModelName('nasnet-a:6@768'), nasnetA, { filters: 32 }), /got both$/);
  assert.throws(() => modelOptions(parseModelName('nasnet-a:6'), nasnetA, {}), /got neither$/);
});

test('an architecture is read from where its source says', async () => {
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
  assert.equal(await resolveArchitecture({ kind: 'published', name: 'nasnet-a' }, readers), nasnetA);
  await assert.rejects(
    resolveArchitecture({ kind: 'file', path: 'other.json' }, readers),
    /^InputError: other\.json: normal: expected an object/,
  );
});
