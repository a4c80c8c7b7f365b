// Whitening: normalises every channel to mean 0 and standard deviation 1 over the training images (paper, appendix A.1:
// "images are whitened").

import { indexTensor, tensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Mean and standard deviation of red, green and blue in byte units, 0 to 255. JSON, stored with the weights. */
export interface Whitening {
  mean: number[];
  deviation: number[];
}

const imagesAtOnce = 500;

/**
 * Computes mean and (population) standard deviation over all pixels of the chosen images uint8 [count, 3, height,
 * width]. Sums are integers, so the order of the indices does not matter. A constant channel gets deviation 1.
 */
export function measureWhitening(images: Tensor, indices: Int32Array): Whitening {
  const sums = [0, 0, 0];
  const squares = [0, 0, 0];
  for (let first = 0; first < indices.length; first += imagesAtOnce) {
    scope(() => {
      const chosen = images.indexSelect(0, indexTensor(indices.subarray(first, first + imagesAtOnce))).to('int32');
      const add = (totals: number[], values: Tensor) => {
        const perChannel = values.sum([0, 2, 3]).toArray(); // int64 [3]
        for (let channel = 0; channel < 3; channel++) totals[channel]! += perChannel[channel]!;
      };
      add(sums, chosen);
      add(squares, chosen.mul(chosen));
    });
  }
  const pixels = indices.length * images.shape[2]! * images.shape[3]!;
  const mean = sums.map((sum) => sum / pixels);
  const variance = squares.map((sum, channel) => sum / pixels - mean[channel]! ** 2);
  return { mean, deviation: variance.map((value) => (value > 1e-9 ? Math.sqrt(value) : 1)) };
}

/** A whitening as tensors on a device: float32 [1, 3, 1, 1] each. */
export interface WhiteningTensors {
  mean: Tensor;
  /** 1 / deviation */
  factor: Tensor;
}

/** Returns the whitening as tensors on a device. */
export function whiteningOn(device: string, { mean, deviation }: Whitening): WhiteningTensors {
  const perChannel = (values: number[]) => tensor(Float32Array.from(values), [1, 3, 1, 1], { device });
  return { mean: perChannel(mean), factor: perChannel(deviation.map((value) => 1 / value)) };
}

/** Whitens pixels float32 [images, 3, height, width] in place. */
export function whiten(pixels: Tensor, whitening: Whitening | WhiteningTensors): Tensor {
  const { mean, factor } = 'factor' in whitening ? whitening : whiteningOn(pixels.device, whitening);
  return pixels.sub_(mean).mul_(factor);
}
