// Adds and scales lists of tensors with one operator, by numbers of the host or by factors in device memory.

import { cpu } from '../engine/device.ts';
import { hasOperator, operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Multiplies each tensor in place by a factor [], which is read on its device. */
export function scale(tensors: Tensor[], factor: Tensor): void {
  if (factor.device === cpu) scaleByTensor.run(tensors, factor);
  else if (takesFactors()) mulTensor.run(tensors, factor);
  else mulList.run(tensors, repeated(factor, tensors)); // one kernel per tensor
}

/** Returns each tensor times a factor [], which is read on its device. */
export function scaled(tensors: Tensor[], factor: Tensor): Tensor[] {
  return takesFactors()
    ? scaledTensor.tensors(tensors, factor)
    : scaledList.tensors(tensors, repeated(factor, tensors));
}

const repeated = (factor: Tensor, tensors: Tensor[]) => tensors.map(() => factor);

let withFactors: boolean | undefined;

/** Whether libtorch can multiply a whole list by one tensor, as version 2.1 and later can. */
function takesFactors(): boolean {
  withFactors ??= hasOperator('aten::_foreach_mul_', 'Tensor');
  return withFactors;
}

/** Takes two lists and a number: one ← one + factor · other, in place. */
export const addList = operator('nasnet::add_lists');
/** Takes a list and a number: each ← factor · each, in place. */
export const mulScalar = operator('nasnet::scale_list');
/** Takes two lists and a number: average ← average + share · (value − average), in place. */
export const blendLists = operator('nasnet::blend_lists');
/** Takes a list; returns the Euclidean norm of all its numbers, []. */
export const listNorm = operator('nasnet::list_norm');
export const differences = operator('aten::_foreach_sub', 'List');
const scaleByTensor = operator('nasnet::scale_list', 'Tensor');
const mulList = operator('aten::_foreach_mul_', 'List');
const mulTensor = operator('aten::_foreach_mul_', 'Tensor');
const scaledList = operator('aten::_foreach_mul', 'List');
const scaledTensor = operator('aten::_foreach_mul', 'Tensor');
