// Lists of tensors added and scaled at once, by numbers of the host or by factors that only the device knows.

import { hasOperator, operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Each tensor times a factor [] that only the device knows, in place. */
export function scale(tensors: Tensor[], factor: Tensor): void {
  if (takesFactors()) mulTensor.run(tensors, factor);
  else mulList.run(tensors, repeated(factor, tensors)); // an operator for each
}

export function scaled(tensors: Tensor[], factor: Tensor): Tensor[] {
  return takesFactors()
    ? scaledTensor.tensors(tensors, factor)
    : scaledList.tensors(tensors, repeated(factor, tensors));
}

const repeated = (factor: Tensor, tensors: Tensor[]) => tensors.map(() => factor);

let withFactors: boolean | undefined;

/** Whether libtorch multiplies a whole list by one tensor: from 2.1 on. */
function takesFactors(): boolean {
  withFactors ??= hasOperator('aten::_foreach_mul_', 'Tensor');
  return withFactors;
}

/** ones, others, factor: one ← one + factor · other. */
export const addList = operator('aten::_foreach_add_', 'List');
export const mulScalar = operator('aten::_foreach_mul_', 'Scalar');
export const differences = operator('aten::_foreach_sub', 'List');
const mulList = operator('aten::_foreach_mul_', 'List');
const mulTensor = operator('aten::_foreach_mul_', 'Tensor');
const scaledList = operator('aten::_foreach_mul', 'List');
const scaledTensor = operator('aten::_foreach_mul', 'Tensor');
