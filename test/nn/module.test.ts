// Modules: names as paths, children with an empty name, loading state, training and evaluation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ones, tensor, zeros } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { InputError } from '../../src/failure.ts';
import { Module } from '../../src/nn/module.ts';

class Scale extends Module {
  readonly factor: Tensor;
  readonly seen: Tensor;

  constructor(factor = 'factor', seen = 'seen') {
    super();
    this.factor = this.parameter(factor, ones([2]));
    this.seen = this.buffer(seen, zeros([1]));
  }
}

class Tree extends Module {
  constructor(...children: [string, Module][]) {
    super();
    for (const [name, module] of children) this.child(name, module);
  }
}

test('names are paths in the order of registration, parameters before buffers', () => {
  const tree = new Tree(['left', new Scale()], ['right', new Tree(['deep', new Scale()])]);
  assert.deepEqual([...tree.namedParameters().keys()], ['left.factor', 'right.deep.factor']);
  assert.deepEqual([...tree.namedBuffers().keys()], ['left.seen', 'right.deep.seen']);
  assert.deepEqual(Object.keys(tree.stateDict()), ['left.factor', 'right.deep.factor', 'left.seen', 'right.deep.seen']);
});

test('names of a child with an empty name have no prefix, and several children may have an empty name', () => {
  const tree = new Tree(['', new Scale('a', 'b')], ['cell', new Tree(['', new Scale('c', 'd')])]);
  assert.deepEqual(Object.keys(tree.stateDict()), ['a', 'cell.c', 'b', 'cell.d']);
});

test('a name used twice is an error, also between a parameter and a buffer', () => {
  const twice = new Tree(['', new Scale('a', 'b')], ['', new Scale('a', 'c')]);
  assert.throws(() => twice.namedParameters(), /^Error: module: the name a is used twice$/);
  assert.throws(() => new Scale('same', 'same').stateDict(), /^Error: module: the name same is used twice$/);
  const mixed = new Tree(['', new Scale('a', 'b')], ['', new Scale('b', 'c')]);
  assert.throws(() => mixed.stateDict(), /^Error: module: the name b is used twice$/);
});

test('loading copies the numbers into the module’s tensors', () => {
  const [module, source] = [new Scale(), { factor: tensor([3, 4]), seen: tensor([5]) }];
  module.loadStateDict(source);
  source.factor.zero_();
  assert.deepEqual([...module.factor.detach().toArray()], [3, 4]);
  assert.ok(module.factor.requiresGrad);
  assert.equal(module.stateDict().factor, module.factor);
});

test('loading converts the dtype', () => {
  const module = new Scale();
  module.loadStateDict({
    factor: tensor([0.5, 2], [2], { dtype: 'float64' }),
    seen: tensor([1], [1], { dtype: 'int64' }),
  });
  assert.deepEqual([...module.factor.detach().toArray()], [0.5, 2]);
  assert.equal(module.factor.dtype, 'float32');
});

test('a missing or unknown tensor or a wrong shape is named in the error, and nothing changes', () => {
  const module = new Scale();
  const refuse = (state: Record<string, Tensor>, sentence: string) =>
    assert.throws(() => module.loadStateDict(state), new InputError(sentence));
  refuse({ factor: zeros([2]) }, 'weights: expected a tensor seen, got none (1 missing)');
  refuse(
    { factor: zeros([2]), seen: zeros([1]), other: zeros([1]), toString: zeros([1]) } as never,
    'weights: expected no tensor other (2 unknown)',
  );
  refuse({ factor: zeros([2]), seen: zeros([2, 1]) }, 'weights: seen: expected the shape [1], got [2,1]');
  assert.deepEqual([...module.factor.detach().toArray()], [1, 1]);
  const named = new Scale('toString', 'constructor'); // names that every object has
  assert.throws(
    () => named.loadStateDict({}),
    new InputError('weights: expected a tensor toString, got none (2 missing)'),
  );
});

test('train sets the mode of every child', () => {
  const inner = new Scale();
  const tree = new Tree(['one', new Tree(['two', inner])]);
  assert.equal(inner.training, true);
  assert.equal(tree.train(false), tree);
  assert.equal(inner.training, false);
  tree.train();
  assert.equal(inner.training, true);
});

test('zeroGrad clears all gradients', () => {
  const module = new Scale();
  backward(module.factor.sum());
  assert.deepEqual([...module.factor.grad!.toArray()], [1, 1]);
  module.zeroGrad();
  assert.equal(module.factor.grad, undefined);
});

test('a disposed module has freed all its tensors', () => {
  const before = liveTensors();
  const tree = new Tree(['left', new Scale()], ['right', new Scale()]);
  assert.equal(liveTensors() - before, 4);
  tree.dispose();
  assert.equal(liveTensors(), before);
});
