// Computes gradients of a loss with respect to the tensors that require them.
import { addon } from './addon.ts';
import { Tensor } from './tensor.ts';
import { TensorList } from './tensor-list.ts';

/**
 * Adds the gradient of `output` to the `grad` of every leaf that requires one and that `output` depends on. Frees the
 * recorded graph unless `retainGraph` is true.
 * @param gradient the gradient with respect to `output`, of its shape; required unless `output` has one element
 */
export function backward(
  output: Tensor,
  { gradient, retainGraph = false }: { gradient?: Tensor; retainGraph?: boolean } = {},
): void {
  addon().backward(output.handle, gradient?.handle, retainGraph);
}

/**
 * Returns the gradients of `output` (one element) with respect to `inputs` without changing any `grad`; undefined for
 * an input that `output` does not depend on. `createGraph` records their computation for second derivatives.
 */
export function gradients(
  output: Tensor,
  inputs: readonly Tensor[],
  { createGraph = false } = {},
): (Tensor | undefined)[] {
  const results = addon().gradient(Int32Array.of(output.handle), handlesOf(inputs), new Int32Array(0), createGraph);
  return Array.from(results, (handle) => Tensor.adopt(handle));
}

/** Returns the `grad` of each of these tensors; undefined for a tensor without one. */
export function collectedGradients(tensors: readonly Tensor[]): (Tensor | undefined)[] {
  return Array.from(addon().gradients(handlesOf(tensors)), (handle) => Tensor.adopt(handle));
}

/** Removes the `grad` of each of these tensors. */
export function clearGradients(tensors: readonly Tensor[] | TensorList): void {
  addon().clearGradients(tensors instanceof TensorList ? tensors.number : handlesOf(tensors));
}

function handlesOf(tensors: readonly Tensor[]): Int32Array {
  return Int32Array.from(tensors, (tensor) => tensor.handle);
}
