// Stored settings of any version are read as current ones; invalid ones are refused in a sentence that names the field.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { openSearch, parseSettings } from '../../src/study/parse-settings.ts';
import { fitted, presets, settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { recipes } from '../../src/train/recipe.ts';
import { defaultOptimizer } from '../../src/train/recipe-choices.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };
const json = (value: unknown) => JSON.parse(JSON.stringify(value));
type Json = ReturnType<typeof json>;

test('the settings of a new search are read unchanged', () => {
  const limits: SearchSettings['limits'] = {
    parameters: 800_000,
    memory: { bytes: 8e8, law: [1, 2, 3] },
    latency: { milliseconds: 3, law: [1, 2, 3, 4, 5], measured: 20, error: 0.05, machine: 'mine' },
    beyond: 'penalise',
  };
  const all: SearchSettings[] = [
    ...Object.keys(presets).flatMap((preset) => [
      settingsOf(preset, given),
      fitted(settingsOf(preset, { ...given, finalists: 3, finalistEpochs: 0.5, size: 64 }), {
        images: 300,
        classes: 10,
      }),
    ]),
    settingsOf('laptop', { ...given, strategy: 'ppo,random', space: 'b', remember: false, known: [[0, 1, 2]], limits }),
    settingsOf('paper', { ...given, rungs: [{}, { images: 100 }, { epochs: 9 }], reduction: 4, randomShare: 0.1 }),
  ];
  for (const settings of all) {
    const parsed = parseSettings(json(settings), 'here');
    assert.deepEqual(parsed, settings);
    const trainings = ({ child, ladder, finalists, final }: SearchSettings) => [child, ladder, finalists, final];
    const words = [parsed, settings].map((each) => JSON.stringify(trainings(each)));
    assert.equal(words[0], words[1], 'in the same order: by it paused children and checkpoints are known again');
  }
});

test('the recipes of the table are read unchanged, and so is one with every technique', () => {
  const techniques = {
    ...recipes.small,
    flip: 'alternate',
    decoupledDecay: true,
    biasRate: 4,
    labelSmoothing: 0.1,
    accumulate: 2,
    averageEpochs: 0.5,
    dropPathRule: 'linear',
    whitenStem: true,
    growth: [{ scale: 0.5, until: 0.4 }],
  } as const;
  for (const recipe of [...Object.values(recipes), techniques]) {
    const settings = settingsOf('smoke', given);
    const stated = { ...settings, child: { ...settings.child, recipe } };
    assert.equal(JSON.stringify(parseSettings(json(stated), 'here').child), JSON.stringify(stated.child));
  }
  const settings = json(settingsOf('smoke', given));
  settings.child.recipe.flip = 'sometimes';
  assert.throws(() => parseSettings(settings, 'here'), /recipe\.flip/);
});

test('a training has its optimizer with all options, and its learning rate decay', () => {
  const settings = settingsOf('smoke', given);
  const optimizer = defaultOptimizer('rmsprop');
  const recipe = {
    ...settings.child.recipe,
    schedule: 'exponential' as const,
    decay: { factor: 0.9, epochs: 2 },
    optimizer,
  };
  const stated = { ...settings, child: { ...settings.child, recipe } };
  assert.deepEqual(parseSettings(json(stated), 'here'), stated);
  recipe.optimizer = json({ name: 'rmsprop', decay: 0.9 });
  assert.throws(
    () => parseSettings(json(stated), 'here'),
    /^InputError: here: settings\.child\.recipe\.optimizer\.epsilon: expected number, got none$/,
  );
  recipe.optimizer = json({ name: 'sgd' });
  assert.throws(() => parseSettings(json(stated), 'here'), /recipe\.optimizer\.name: expected .*, got "sgd"$/);
});

/** Settings as nasnet 0.1.0 and older versions stored them. */
function olderSettings() {
  const rungs = [{}, { epochs: 3 }];
  const { space: _, remember: __, known: ___, ...older } = json(settingsOf('micro', { ...given, rungs }));
  for (const { recipe } of [older.child, ...older.ladder.rungs, older.finalists.training, older.final])
    delete recipe.matchTestView;
  return older;
}

test('fields that older versions lack are completed: space A, every graph trained, no known cells, images as stored', () => {
  const { space, remember, known, child, ladder, finalists, final } = parseSettings(olderSettings(), 'here');
  assert.deepEqual([space, remember, known], ['a', false, []]);
  const recipes = [child, ...ladder!.rungs, finalists!.training, final].map(({ recipe }) => recipe.matchTestView);
  assert.deepEqual(recipes, [false, false, false, false]);
});

test('invalid settings are refused with file, field, expectation and value', () => {
  const refused = (change: (settings: Json) => void, sentence: string) => {
    const settings = json(settingsOf('micro', { ...given, rungs: [{}, { epochs: 3 }] }));
    change(settings);
    const expected = (error: Error) => error instanceof InputError && error.message === `a.db: settings${sentence}`;
    assert.throws(() => parseSettings(settings, 'a.db'), expected, sentence);
  };
  refused((s) => (s.child.recipe.epochs = 'three'), '.child.recipe.epochs: expected number, got "three"');
  refused((s) => delete s.ladder.rungs[0].filters, '.ladder.rungs[0].filters: expected number, got none');
  refused((s) => (s.space = 'd'), '.space: expected one of "a", "b", "c", got "d"');
  refused((s) => (s.seed = null), '.seed: expected number, got null');
  refused((s) => (s.blocks = 0), '.blocks: expected number to be >0, got 0');
  refused((s) => (s.final.recipe.rate = 1), '.final.recipe.rate: expected no such field, got 1');
  assert.throws(() => parseSettings(undefined, 'a.db'), /^InputError: a\.db: settings: expected object, got none$/);
});

test('a study with damaged settings is refused, and its lock is released', () => {
  const path = join(folder, 'damaged.db');
  Study.create(path, { preset: 'smoke' }).close();
  for (const readOnly of [false, true, false])
    assert.throws(() => openSearch(path, { readOnly }), /damaged\.db: settings\.dataset: expected string, got none/);
  Study.open(path).close();
});

test('a space by value is read unchanged, and refused with its invalid part', () => {
  const operations = { wide: { kind: 'separable', kernel: 9 }, identity: { kind: 'identity' } };
  const space = { name: 'mine', operations, combiners: ['concat', 'add'], blocks: 3, output: 'unread' };
  const given = settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' });
  const stored = JSON.parse(JSON.stringify({ ...given, space }));
  // the order of operations counts
  assert.equal(JSON.stringify(parseSettings(stored, 'a.db').space), JSON.stringify(space));
  const refused = (change: object, sentence: RegExp) =>
    assert.throws(() => parseSettings({ ...stored, space: { ...space, ...change } }, 'a.db'), sentence);
  refused({ combiners: ['times'] }, /a\.db: settings\.space\.combiners\[0\]: expected one of "add", .*, got "times"/);
  refused(
    { operations: { wide: { kind: 'separable', kernel: 2 } } },
    /space\.operations: expected operations that can be \(operations\.wide\.kernel: expected an odd number/,
  );
  refused({ extra: 1 }, /settings\.space\.extra: expected no such field/);
});
