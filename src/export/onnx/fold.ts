// Folds batch norms into convolutions. In inference a batch norm is a factor and a shift per channel; the convolution
// before it gets its weights multiplied by the factor, and the shift as its bias. Computed in float64 and rounded once.

import { scope } from '../../engine/memory.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { BatchNorm } from '../../plan/layer.ts';

/** A network's tensors by name. */
export type State = Readonly<Record<string, Tensor>>;

/** A range of a batch norm's channels: all of them, or those of one of several concatenated convolutions. */
export interface NormPart {
  readonly norm: BatchNorm;
  readonly first: number;
  readonly count: number;
}

/**
 * Returns a convolution's weights [outputs, inputs, height, width] multiplied by the norm's factor, as float32 bytes.
 */
export function foldWeight(state: State, name: string, part: NormPart): Uint8Array {
  return scope(() => {
    const weight = inDouble(state[name]!);
    return asFloats(weight.mul(factor(state, part).reshape([-1, 1, 1, 1])));
  });
}

/** Returns a norm's factor for each channel, scale / √(variance + ε), as float32 bytes. */
export const normFactor = (state: State, part: NormPart): Uint8Array => scope(() => asFloats(factor(state, part)));

/**
 * Returns a norm's shift for each channel, shift − mean · factor, as float32 bytes: the bias of a convolution that
 * absorbs the norm.
 */
export function normShift(state: State, part: NormPart): Uint8Array {
  return scope(() => {
    const [shift, mean] = [channels(state, part, 'shift'), channels(state, part, 'moving_mean')];
    return asFloats(shift.sub(mean.mul(factor(state, part))));
  });
}

/** Returns a tensor's elements unchanged, as float32 bytes. */
export const plainBytes = (state: State, name: string): Uint8Array => scope(() => asFloats(state[name]!.detach()));

function factor(state: State, part: NormPart): Tensor {
  const deviation = channels(state, part, 'moving_variance').add(part.norm.epsilon).sqrt();
  return channels(state, part, 'scale').div(deviation);
}

function channels(state: State, { norm, first, count }: NormPart, name: string): Tensor {
  return inDouble(state[`${norm.name}.${name}`]!).narrow(0, first, count);
}

const inDouble = (tensor: Tensor) => tensor.detach().to('cpu').to('float64');
const asFloats = (tensor: Tensor) => tensor.to('cpu').to('float32').toBytes();
