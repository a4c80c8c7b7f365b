// NASNet-A with N = 1 in training mode, computed operator by operator from the description of the released code,
// without a plan or modules. The built network is compared with it.

import { avgPool2d, cat, conv2d, linear, maxPool2d, pad } from '../../src/engine/operators.ts';
import type { Tensor } from '../../src/engine/tensor.ts';

export interface Released {
  layout: 'cifar' | 'imagenet';
  /** F of the first cell after the stem. */
  filters: number;
  skipReductionInput: boolean;
}

/** @param images [images, 3, height, width], float64 as the weights */
export function releasedForward(
  weights: Record<string, Tensor>,
  images: Tensor,
  { layout, filters, skipReductionInput }: Released,
) {
  const same = (x: Tensor, kernel: number, stride: number, fill: number) => {
    const [, , height, width] = x.shape as [number, number, number, number];
    const around = (size: number) => {
      const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    };
    return pad(x, [...around(height), ...around(width)], fill);
  };
  const conv = (x: Tensor, name: string, kernel = 1, stride = 1, groups = 1) =>
    conv2d(same(x, kernel, stride, 0), weights[`${name}.weight`]!, { stride, groups });
  const valid = (x: Tensor, name: string) => conv2d(x, weights[`${name}.weight`]!, { stride: 2 });
  const norm = (x: Tensor, name: string) => {
    const mean = x.mean([0, 2, 3], true);
    const variance = x.sub(mean).square().mean([0, 2, 3], true);
    const column = (key: string) => weights[`${name}.${key}`]!.reshape([1, -1, 1, 1]);
    return x
      .sub(mean)
      .div(variance.add(layout === 'cifar' ? 1e-5 : 1e-3).sqrt())
      .mul(column('scale'))
      .add(column('shift'));
  };
  const pointwise = (x: Tensor, name: string, stride = 1) =>
    norm(conv(x, `${name}.pointwise`, 1, stride), `${name}.norm`);
  const max = (x: Tensor, stride: number) => maxPool2d(same(x, 3, stride, -1e9), { kernel: 3, stride });
  const average = (x: Tensor, stride: number) => {
    const sum = (y: Tensor) => avgPool2d(same(y, 3, stride, 0), { kernel: 3, stride }).mul(9);
    return sum(x).div(sum(x.mul(0).add(1)));
  };
  const separable = (x: Tensor, name: string, kernel: number, stride: number) =>
    [1, 2].reduce((value, turn) => {
      const part = `${name}.separable_${turn}`;
      const deep = conv(value.relu(), `${part}.depthwise`, kernel, turn === 1 ? stride : 1, value.shape[1]!);
      return norm(conv(deep, `${part}.pointwise`), `${part}.norm`);
    }, x);
  const identity = (x: Tensor, name: string, filters: number, stride: number) =>
    stride === 1 && x.shape[1] === filters ? x : pointwise(x.relu(), name, stride);
  const fitted = (x: Tensor, name: string, filters: number) => (x.shape[1] === filters ? x : pointwise(x, name));
  const align = (name: string, current: Tensor, previous: Tensor | undefined, filters: number) => {
    if (!previous) return current;
    if (previous.shape[2] === current.shape[2])
      return previous.shape[1] === filters ? previous : pointwise(previous.relu(), `${name}.previous`);
    const x = previous.relu();
    const half = (y: Tensor) => y.slice(2, 0, 1e6, 2).slice(3, 0, 1e6, 2);
    const shifted = pad(x, [0, 1, 0, 1]).slice(2, 1, 1e6).slice(3, 1, 1e6);
    const paths = [conv(half(x), `${name}.previous.even`), conv(half(shifted), `${name}.previous.odd`)];
    return norm(cat(paths, 1), `${name}.previous.norm`);
  };

  const normal = (name: string, current: Tensor, previous: Tensor | undefined, f: number) => {
    const h0 = pointwise(current.relu(), `${name}.current`);
    const h1 = align(name, current, previous, f);
    const at = (block: number, side: 'left' | 'right') => `${name}.block_${block}.${side}`;
    const h2 = separable(h0, at(0, 'left'), 5, 1).add(separable(h1, at(0, 'right'), 3, 1));
    const h3 = separable(h1, at(1, 'left'), 5, 1).add(separable(h1, at(1, 'right'), 3, 1));
    const h4 = fitted(average(h0, 1), at(2, 'left'), f).add(identity(h1, at(2, 'right'), f, 1));
    const h5 = fitted(average(h1, 1), at(3, 'left'), f).add(fitted(average(h1, 1), at(3, 'right'), f));
    const h6 = separable(h0, at(4, 'left'), 3, 1).add(identity(h0, at(4, 'right'), f, 1));
    return cat([fitted(h1, `${name}.output_1`, f), h2, h3, h4, h5, h6], 1);
  };
  const reduction = (name: string, current: Tensor, previous: Tensor | undefined, f: number) => {
    const h0 = pointwise(current.relu(), `${name}.current`);
    const h1 = align(name, current, previous, f);
    const at = (block: number, side: 'left' | 'right') => `${name}.block_${block}.${side}`;
    const h2 = separable(h0, at(0, 'left'), 5, 2).add(separable(h1, at(0, 'right'), 7, 2));
    const h3 = max(h0, 2).add(separable(h1, at(1, 'right'), 7, 2));
    const h4 = average(h0, 2).add(separable(h1, at(2, 'right'), 5, 2));
    const h5 = h3.add(average(h2, 1));
    const h6 = separable(h2, at(4, 'left'), 3, 1).add(max(h0, 2));
    return cat([h3, h4, h5, h6], 1);
  };

  // The states that cells read, in the order of nasnet.py's cell_outputs.
  const states = [layout === 'cifar' ? conv(images, 'stem.convolution', 3) : valid(images, 'stem.convolution')];
  states[0] = norm(states[0]!, 'stem.norm');
  const add = (cell: typeof normal, name: string, f: number, previous = states.at(-2)) => {
    states.push(cell(name, states.at(-1)!, previous, f));
    return states.at(-1)!;
  };
  if (layout === 'imagenet') {
    add(reduction, 'cell_stem_0', filters / 4);
    add(reduction, 'cell_stem_1', filters / 2);
  }
  add(normal, 'cell_0', filters);
  const beforeFirst = states.at(-2);
  add(reduction, 'reduction_cell_0', 2 * filters);
  const cell1 = add(normal, 'cell_1', 2 * filters, skipReductionInput ? beforeFirst : states.at(-2));
  const beforeSecond = states.at(-2);
  add(reduction, 'reduction_cell_1', 4 * filters);
  const cell2 = add(normal, 'cell_2', 4 * filters, skipReductionInput ? beforeSecond : states.at(-2));
  const dense = (x: Tensor, name: string) =>
    linear(x, weights[`${name}.linear.weight`]!, weights[`${name}.linear.bias`]);
  const pooled = avgPool2d(cell1.relu(), { kernel: 5, stride: 3 });
  const projected = norm(conv(pooled, 'auxiliary.projection'), 'auxiliary.projection_norm').relu();
  const full = norm(conv2d(projected, weights['auxiliary.full.weight']!), 'auxiliary.full_norm').relu();
  return {
    logits: dense(cell2.relu().mean([2, 3]), 'head'),
    auxiliaryLogits: dense(full.reshape([full.shape[0]!, -1]), 'auxiliary'),
  };
}
