// Matching by names and shapes: the network and source of a file, and the messages for files that do not match. The
// names come from the peer, which transcribes them from Keras's and the ports' code; without PyTorch those tests are
// skipped.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { matchWeights } from '../../src/import/matching.ts';
import type { WeightFile } from '../../src/import/weight-file.ts';
import { type Model, peerMissing, peerNames } from './peer.ts';

const skip = peerMissing();
const names = {} as Record<Model, ReturnType<typeof peerNames>>;

before(() => {
  if (skip) return;
  for (const model of ['mobile', 'large'] as const) names[model] = peerNames(model);
});

/** Returns a file with these shapes, whose elements must not be read. */
function fileOf(shapes: Record<string, number[]>): WeightFile {
  const read = () => assert.fail('matching reads no element');
  const tensors = new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape, read }]));
  return { tensors, others: [], close() {} };
}

const withClasses = (shapes: Record<string, number[]>, count: number) => ({
  ...shapes,
  'last_linear.weight': [count, shapes['last_linear.weight']![1]!],
  'last_linear.bias': [count],
});

const without = (shapes: Record<string, number[]>, ...prefixes: string[]) =>
  Object.fromEntries(Object.entries(shapes).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))));

const published = { mobile: 5_326_716, large: 88_949_818 }; // all parameters, with 1,000 classes

for (const model of ['mobile', 'large'] as const) {
  for (const naming of ['keras', 'torch'] as const) {
    test(`every tensor of the ${model} model has a name in the naming of ${naming}`, { skip }, () => {
      const shapes = names[model][naming];
      const { pairs, plan, ...match } = matchWeights('file', fileOf(shapes));
      assert.equal(match.model, model);
      const numbers = pairs.reduce(
        (sum, { theirs }) => sum + shapes[theirs]!.reduce((product, size) => product * size, 1),
        0,
      );
      assert.equal(numbers, published[model]);
      assert.equal(plan.totalParameters, published[model]);
      for (const { shape, storedShape, axes } of pairs)
        assert.deepEqual(
          axes.map((axis) => storedShape[axis]),
          shape,
        );
      assert.ok(match.unused.every((name) => name.endsWith('.num_batches_tracked')));
      assert.equal(
        match.unused.length,
        naming === 'keras' ? 0 : Object.keys(shapes).filter((name) => name.endsWith('running_var')).length,
      );
    });
  }
}

test('timm and Cadene are distinguished by what only one of them published', { skip }, () => {
  const { mobile, large } = names;
  const source = (shapes: Record<string, number[]>) => matchWeights('file', fileOf(shapes)).source;
  assert.equal(source(mobile.torch), 'cadene');
  assert.equal(source(withClasses(large.torch, 1001)), 'cadene');
  assert.equal(source(large.torch), 'timm');
  assert.equal(source(large.keras), 'keras');
  assert.equal(matchWeights('file', fileOf(large.torch), { from: 'cadene' }).source, 'cadene');
});

test('the number of classes is that of the file; asking for another starts a new classifier', {
  skip,
}, () => {
  const shapes = names.mobile.torch;
  for (const count of [1001, 37]) {
    const { plan, classifier } = matchWeights('file', fileOf(withClasses(shapes, count)));
    assert.deepEqual([plan.classes, classifier], [count, true]);
  }
  const { plan, classifier, pairs, unused } = matchWeights('file', fileOf(shapes), { classes: 5 });
  assert.deepEqual([plan.classes, classifier, pairs.length], [5, false, 1124]);
  assert.ok(unused.includes('last_linear.weight'));
});

const refused = (file: WeightFile, sentence: string | RegExp, options = {}) => {
  assert.throws(
    () => matchWeights('nasnet.file', file, options),
    (error: Error) => {
      assert.ok(error instanceof InputError, error.stack);
      if (typeof sentence === 'string') assert.equal(error.message, `nasnet.file: ${sentence}`);
      else assert.match(error.message, sentence);
      return true;
    },
  );
};

test("another model's weights are refused with a few of their names", () => {
  const other = {
    'conv1.weight': [64, 3, 7, 7],
    'bn1.weight': [64],
    'layer1.0.conv1.weight': [64, 64, 1, 1],
    'fc.bias': [1000],
  };
  refused(
    fileOf(other),
    "expected NASNet-A's weights under the names of Keras applications, timm, Cadene's pretrained-models.pytorch, got 4 tensors of " +
      "other names (conv1.weight, bn1.weight, layer1.0.conv1.weight …): another model's weights",
  );
});

test('missing and left over tensors and those of another shape are counted and named', { skip }, () => {
  const shapes = names.mobile.keras;
  refused(
    fileOf(without(shapes, 'stem_bn1/', 'normal_conv_1_0/')),
    'expected the 1126 tensors of NASNet-A mobile (Keras applications), got 5 missing (stem_bn1/gamma, stem_bn1/beta, stem_bn1/moving_mean …)',
  );
  refused(
    fileOf({ ...shapes, 'stem_conv1/kernel': [32, 3, 3, 3] }),
    'expected the 1126 tensors of NASNet-A mobile (Keras applications), got 1 of another shape (stem_conv1/kernel is [32,3,3,3] instead of [3,3,3,32])',
  );
  refused(
    fileOf({ ...shapes, 'dense_7/kernel': [1000, 2] }),
    'expected the 1126 tensors of NASNet-A mobile (Keras applications), got 1 left over (dense_7/kernel)',
  );
  const half = without(shapes, 'predictions/', 'separable_conv_2_'); // 6 tensors of each of 80 separable convolutions
  refused(
    fileOf(half),
    /^nasnet\.file: expected the 1124 tensors of NASNet-A mobile \(Keras applications\), got 480 missing \(/,
  );
  refused(fileOf(shapes), /another model's weights$/, { from: 'cadene' });
});

test('an auxiliary head is not imported', { skip }, () => {
  const keras = { ...names.mobile.keras, 'aux_conv_projection/kernel': [1, 1, 528, 128] };
  assert.deepEqual(matchWeights('file', fileOf(keras)).unused, ['aux_conv_projection/kernel']);
});

test('with a new classifier the file may have other layers on top', { skip }, () => {
  const shapes = { ...without(names.mobile.keras, 'predictions/'), 'dense/kernel': [1056, 3], 'dense/bias': [3] };
  refused(fileOf(shapes), /^nasnet\.file: expected a classifier, got weights without one/);
  assert.deepEqual(matchWeights('file', fileOf(shapes), { classes: 3 }).unused, ['dense/kernel', 'dense/bias']);
});
