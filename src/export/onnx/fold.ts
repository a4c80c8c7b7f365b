// Batch norm in inference is a factor and a shift for each channel, and a convolution before it can take both along: its weights
// times the factor, and the shift as its bias. Computed in float64, since the product is rounded once more.

import { scope } from '../../engine/memory.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { BatchNorm } from '../../plan/layer.ts';

/** A network's tensors by name. */
export type State = Readonly<Record<string, Tensor>>;

/** Some channels of a batch norm: all of them, or the part that one of several concatenated convolutions makes. */
export interface NormPart {
  readonly norm: BatchNorm;
  readonly first: number;
  readonly count: number;
}

/** The weights [outputs, inputs, height, width] of a convolution with the norm's factor in them, as float32. */
export function foldedWeight(state: State, name: string, part: NormPart): Uint8Array {
  return scope(() => {
    const weight = inDouble(state[name]!);
    return asFloats(weight.mul(factor(state, part).reshape([-1, 1, 1, 1])));
  });
}

/** A norm's factor for each channel, as float32: scale / √(variance + ε). */
export const normFactor = (state: State, part: NormPart): Uint8Array => scope(() => asFloats(factor(state, part)));

/** A norm's shift for each channel, as float32: shift − mean · factor. The bias of the convolution that takes the norm along. */
export function normShift(state: State, part: NormPart): Uint8Array {
  return scope(() => {
    const [shift, mean] = [channels(state, part, 'shift'), channels(state, part, 'moving_mean')];
    return asFloats(shift.sub(mean.mul(factor(state, part))));
  });
}

/** A tensor as it is. */
export const unfolded = (state: State, name: string): Uint8Array => scope(() => asFloats(state[name]!.detach()));

function factor(state: State, part: NormPart): Tensor {
  const deviation = channels(state, part, 'moving_variance').add(part.norm.epsilon).sqrt();
  return channels(state, part, 'scale').div(deviation);
}

function channels(state: State, { norm, first, count }: NormPart, name: string): Tensor {
  return inDouble(state[`${norm.name}.${name}`]!).narrow(0, first, count);
}

const inDouble = (tensor: Tensor) => tensor.detach().to('cpu').to('float64');
const asFloats = (tensor: Tensor) => tensor.to('cpu').to('float32').toBytes();
