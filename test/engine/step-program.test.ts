// A step's program by itself: its gradients by hand, and what it refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rand, tensor } from '../../src/engine/create.ts';
import { clearGradients } from '../../src/engine/gradient.ts';
import { keep, scope } from '../../src/engine/memory.ts';
import { StepProgram } from '../../src/engine/step-program.ts';
import type { Tensor } from '../../src/engine/tensor.ts';

const weight = keep(tensor(Float32Array.of(2, -1, 3), [3]));
weight.requiresGrad = true;
const numbers = (values: readonly number[]) => tensor(Float32Array.from(values), [values.length]);

const observed = (input: Tensor, loss: (input: Tensor) => Tensor, constants: Tensor[] = [weight]) =>
  StepProgram.observe([input], constants, () => {
    const found = loss(input);
    return { loss: found, outputs: [found] };
  }).program;

test('a program computes the loss and the gradients of other inputs, and adds to the gradients that are there', () => {
  scope(() => {
    using program = observed(numbers([1, 1, 1]), (input) => input.mul(weight).pow(2).sum());
    clearGradients([weight]);
    const [loss] = program!.run([numbers([1, 2, 3])])!;
    assert.equal(loss!.item(), 4 + 4 + 81);
    assert.deepEqual([...weight.grad!.toArray()], [4, -8, 54]); // 2 · input² · weight
    program!.run([numbers([1, 0, 0])]);
    assert.deepEqual([...weight.grad!.toArray()], [8, -8, 54]);
  });
});

test('a program runs nothing for inputs of another shape, layout or number, and can be run afterwards', () => {
  scope(() => {
    using program = observed(numbers([1, 1, 1]), (input) => input.mul(weight).sum());
    clearGradients([weight]);
    assert.equal(program!.run([numbers([1, 2])]), undefined);
    assert.equal(program!.run([numbers([1, 0, 1, 0, 1]).slice(0, 0, 5, 2)]), undefined);
    assert.equal(program!.run([]), undefined);
    assert.equal(weight.grad, undefined);
    assert.equal(program!.run([numbers([1, 1, 1])])![0]!.item(), 4);
  });
});

test('what differs from step to step has no program', () => {
  scope(() => {
    const input = numbers([1, 1, 1]);
    const foreign = numbers([5, 5, 5]);
    assert.equal(
      observed(input, () => weight.mul(rand([3])).sum()),
      undefined,
    );
    assert.equal(
      observed(input, () => weight.mul(foreign).sum()),
      undefined,
    );
    assert.ok(observed(input, () => weight.mul(foreign).sum(), [weight, foreign]));
    assert.equal(
      observed(input, () => weight.add(weight).sum()),
      undefined,
    ); // its gradient is a sum in an order of autograd's
    assert.equal(
      observed(input, () => input.sum()),
      undefined,
    ); // it has no gradient
  });
});

test('after a forward pass that fails nothing is observed any more', () => {
  scope(() => {
    const input = numbers([1, 1, 1]);
    const fail = () => observed(input, () => input.add(numbers([1, 2])));
    assert.throws(fail, /size of tensor/);
    assert.ok(observed(input, () => input.mul(weight).sum()));
  });
});

test('a disposed program cannot be run', () => {
  scope(() => {
    const program = observed(numbers([1, 1, 1]), (input) => input.mul(weight).sum())!;
    program[Symbol.dispose]();
    program[Symbol.dispose]();
    assert.throws(() => program.run([numbers([1, 1, 1])]), /was disposed/);
  });
});
