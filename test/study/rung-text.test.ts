import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import { parseRungs, printRungs } from '../../src/study/rung-text.ts';

const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };

test('the text form of a ladder: epochs, and other changes after colons', () => {
  assert.deepEqual(parseRungs('1,3,9'), [{ epochs: 1 }, { epochs: 3 }, { epochs: 9 }]);
  assert.deepEqual(parseRungs('0.5, epochs=3:images=20_000 ,filters=16:cells=0:resolution=32'), [
    { epochs: 0.5 },
    { epochs: 3, images: 20_000 },
    { filters: 16, cells: 0, resolution: 32 },
  ]);
});

test('a printed ladder parses to the same ladder, and equal ladders are printed equally', () => {
  for (const text of ['1,3,9', '0.5,3:images=20000,filters=16:cells=0:resolution=32', 'images=4000,images=8000']) {
    assert.deepEqual(parseRungs(printRungs(parseRungs(text))), parseRungs(text));
  }
  assert.equal(printRungs(parseRungs(' epochs=1 ,cells=2:epochs=3:images=5_000')), '1,3:images=5000:cells=2');
});

test('an invalid ladder is refused in one sentence with an example', () => {
  for (const text of ['', '3', '1,', '1,x', '1,0', '1,-3', '1,3:3', '1,size=3', '1,filters=1.5', '1,images=0', '1;3']) {
    assert.throws(
      () => parseRungs(text),
      (error: Error) =>
        error instanceof InputError && /^rungs: expected .*such as 1,3,9.*, got ".*"$/.test(error.message),
      text,
    );
  }
});

test('each rung is the training of the one below with its changes, within the size of the dataset', () => {
  const rungs = parseRungs('2,3:filters=16,images=40000:cells=2');
  const { child, ladder } = fitted(settingsOf('laptop', { ...given, rungs }), { images: 30_000, classes: 10 });
  assert.equal(child.recipe.epochs, 2);
  const seen = ladder!.rungs.map(({ cells, filters, trainingImages, recipe }) => [
    cells,
    filters,
    trainingImages,
    recipe.epochs,
  ]);
  assert.deepEqual(seen, [
    [1, 16, 28_000, 3],
    [2, 16, 28_000, 3],
  ]);
  assert.deepEqual(
    [ladder!.stated, ladder!.reduction, ladder!.randomShare],
    ['2,3:filters=16,images=40000:cells=2', 3, 0],
  );
});

test('no preset has a ladder by default', () => {
  for (const preset of ['smoke', 'laptop', 'paper']) assert.equal(settingsOf(preset, given).ladder, undefined);
});
