// Backward: gradients of a loss with respect to the tensors that require them.
import { addon } from './addon.ts';
import { Tensor } from './tensor.ts';

/**
 * Adds the gradient of `output` (one element, unless `gradient` of its shape is given) to the `grad` of every leaf it depends
 * on that requires one. The recorded graph is freed unless `retainGraph`.
 */
export function backward(
  output: Tensor,
  { gradient, retainGraph = false }: { gradient?: Tensor; retainGraph?: boolean } = {},
): void {
  addon().backward(output.handle, gradient?.handle, retainGraph);
}

/**
 * The gradients of `output` (one element) with respect to `inputs`, without touching any `grad`; undefined for an input that
 * it does not depend on. `createGraph` records their computation for second derivatives.
 */
export function gradients(
  output: Tensor,
  inputs: readonly Tensor[],
  { createGraph = false } = {},
): (Tensor | undefined)[] {
  const found = addon().gradient(Int32Array.of(output.handle), handlesOf(inputs), new Int32Array(0), createGraph);
  return Array.from(found, (handle) => Tensor.adopt(handle));
}

/** The `grad` of each of these tensors. undefined where backward left none. */
export function collectedGradients(tensors: readonly Tensor[]): (Tensor | undefined)[] {
  return Array.from(addon().gradients(handlesOf(tensors)), (handle) => Tensor.adopt(handle));
}

/** Forgets the `grad` of each of these tensors. */
export function clearGradients(tensors: readonly Tensor[]): void {
  addon().clearGradients(handlesOf(tensors));
}

function handlesOf(tensors: readonly Tensor[]): Int32Array {
  return Int32Array.from(tensors, (tensor) => tensor.handle);
}
