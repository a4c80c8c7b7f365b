// Regions and boxes against formulas that do not use the engine, compositions of libtorch's operators, finite
// differences and, where it is installed, torchvision.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { indexTensor, tensor } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { scope } from '../../src/engine/memory.ts';
import { operator } from '../../src/engine/operator.ts';
import { boxIou, cropAndResize, nonMaximumSuppression, roiAlign } from '../../src/engine/regions.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { assertClose } from './definition.ts';
import { testVersions } from './other-versions.ts';

type Shape = readonly [images: number, channels: number, height: number, width: number];
type Sample = (image: number, channel: number, y: number, x: number) => number;

const random = new RandomStream('regions');
const numbers = (count: number, low = 0, high = 1) =>
  Float64Array.from({ length: count }, () => low + (high - low) * random.uniform());
const between = (low: number, high: number) => low + random.integer(high - low + 1);

/** Boxes with x1 ≤ x2 and y1 ≤ y2, some of them beyond [low, high]. */
function someBoxes(count: number, low: number, high: number): Float64Array {
  const boxes = numbers(4 * count, low, high);
  for (let box = 0; box < 4 * count; box += 4) {
    for (const axis of [box, box + 1]) {
      if (boxes[axis]! > boxes[axis + 2]!) [boxes[axis], boxes[axis + 2]] = [boxes[axis + 2]!, boxes[axis]!];
    }
  }
  return boxes;
}

/** Bilinear interpolation of pixels [images, channels, height, width] whose centres have whole coordinates. */
function bilinear(pixels: Float64Array, [, channels, height, width]: Shape): Sample {
  return (image, channel, y, x) => {
    const [top, left] = [Math.floor(y), Math.floor(x)];
    let sum = 0;
    for (const [row, rowShare] of [
      [top, top + 1 - y],
      [top + 1, y - top],
    ] as const) {
      for (const [column, columnShare] of [
        [left, left + 1 - x],
        [left + 1, x - left],
      ] as const) {
        const share = rowShare * columnShare;
        if (share > 0) sum += share * pixels[((image * channels + channel) * height + row) * width + column]!;
      }
    }
    return sum;
  };
}

/** He et al., 2017, with torchvision's border: the outer pixels reach one pixel further. */
function alignedByFormula(pixels: Float64Array, shape: Shape, input: RoiInput): number[] {
  const [, channels, height, width] = shape;
  const { boxes, places, size, scale, sampling } = input;
  const sample = bilinear(pixels, shape);
  const value = (image: number, channel: number, y: number, x: number) =>
    y < -1 || y > height || x < -1 || x > width
      ? 0
      : sample(image, channel, Math.min(Math.max(y, 0), height - 1), Math.min(Math.max(x, 0), width - 1));
  const result: number[] = [];
  for (const [region, image] of places.entries()) {
    const [x1, y1, x2, y2] = [...boxes.slice(4 * region, 4 * region + 4)].map((place) => place * scale - 0.5) as Four;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < size[0]; row++) {
        for (let column = 0; column < size[1]; column++) {
          let sum = 0;
          for (let one = 0; one < sampling; one++) {
            for (let other = 0; other < sampling; other++) {
              const y = y1 + ((y2 - y1) / size[0]) * (row + (one + 0.5) / sampling);
              const x = x1 + ((x2 - x1) / size[1]) * (column + (other + 0.5) / sampling);
              sum += value(image, channel, y, x);
            }
          }
          result.push(sum / sampling ** 2);
        }
      }
    }
  }
  return result;
}

type Four = [number, number, number, number];

interface RoiInput {
  boxes: Float64Array;
  places: number[];
  size: readonly [number, number];
  scale: number;
  sampling: number;
}

function roiInput(shape: Shape, regions: number): RoiInput {
  const scale = [0.25, 0.5, 1][random.integer(3)]!;
  return {
    boxes: someBoxes(regions, -2 / scale, (Math.max(shape[2], shape[3]) + 2) / scale),
    places: Array.from({ length: regions }, () => random.integer(shape[0])),
    size: [between(1, 4), between(1, 4)],
    scale,
    sampling: between(1, 3),
  };
}

const tensors = ({ boxes, places, ...rest }: RoiInput) => ({
  boxes: tensor(boxes, [places.length, 4]),
  places: indexTensor(places),
  ...rest,
});

test('RoIAlign is the average of its samples on 1,000 random inputs, boxes beyond the image among them', () => {
  for (let turn = 0; turn < 1000; turn++) {
    scope(() => {
      const shape: Shape = [between(1, 2), between(1, 3), between(1, 7), between(1, 7)];
      const pixels = numbers(
        shape.reduce((product, length) => product * length),
        -1,
        1,
      );
      const input = roiInput(shape, between(0, 4));
      const result = roiAlign(tensor(pixels, shape), tensors(input));
      assert.deepEqual(result.shape, [input.places.length, shape[1], ...input.size]);
      assertClose(result.toArray(), alignedByFormula(pixels, shape, input), 1e-10, `turn ${turn}`);
    });
  }
});

test('crop_and_resize reads the same as grid samples of libtorch, all regions of two images in one call', () => {
  for (let turn = 0; turn < 200; turn++) {
    scope(() => {
      const shape: Shape = [2, 3, between(2, 9), between(2, 9)];
      const images = tensor(numbers(2 * 3 * shape[2] * shape[3], -1, 1), shape);
      const size: [number, number] = [between(2, 5), between(2, 5)];
      const boxes = someBoxes(5, 0, 1);
      const places = [0, 1, 1, 0, 1];
      const result = cropAndResize(images, { boxes: tensor(boxes, [5, 4]), places: indexTensor(places), size });
      for (const [region, place] of places.entries()) {
        const [x1, y1, x2, y2] = boxes.subarray(4 * region, 4 * region + 4) as unknown as Four;
        const grid = Array.from({ length: size[0] * size[1] }, (_, cell) => {
          const [row, column] = [Math.floor(cell / size[1]), cell % size[1]];
          return [
            2 * (x1 + ((x2 - x1) * column) / (size[1] - 1)) - 1,
            2 * (y1 + ((y2 - y1) * row) / (size[0] - 1)) - 1,
          ];
        });
        const samples = tensor(grid.flat(), [1, ...size, 2], { dtype: 'float64' });
        const expected = gridSampler.tensor(images.narrow(0, place, 1), samples, 0, 0, true);
        assertClose(result.narrow(0, region, 1).toArray(), expected.toArray(), 1e-12, `turn ${turn}`);
      }
    });
  }
});

test('crop_and_resize is 0 at samples beyond the image, and a single cell is the middle of its box', () => {
  scope(() => {
    const images = tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    const boxes = tensor([-0.5, 0, 0.5, 1, 0, 0, 1, 1], [2, 4]);
    const places = indexTensor([0, 0]);
    const wide = cropAndResize(images, { boxes, places, size: [2, 2] });
    // The first box's left samples lie at −0.5, its right ones in the middle between the columns.
    assert.deepEqual([...wide.toArray()], [0, 1.5, 0, 3.5, 1, 2, 3, 4]);
    const single = cropAndResize(images, { boxes, places, size: [1, 1] });
    assert.deepEqual([...single.toArray()], [2, 2.5]); // x 0, y ½; and the middle
  });
});

/** The gradient of Σ weights · result by central differences of the operator itself, which is linear in the images. */
function assertGradient(shape: Shape, operate: (images: Tensor) => Tensor, what: string): void {
  scope(() => {
    const count = shape.reduce((product, length) => product * length);
    const pixels = numbers(count, -1, 1);
    const images = tensor(pixels, shape, { requiresGrad: true });
    const result = operate(images);
    const weights = tensor(numbers(result.size, -1, 1), result.shape);
    const [gradient] = gradients(result.mul(weights).sum(), [images]);
    const step = 1e-3;
    const moved = (place: number, by: number) => {
      const other = pixels.slice();
      other[place]! += by;
      return operate(tensor(other, shape)).mul(weights).sum().item();
    };
    const expected = Array.from(pixels, (_, place) => (moved(place, step) - moved(place, -step)) / (2 * step));
    assertClose(gradient!.toArray(), expected, 1e-9, what);
  });
}

test('the gradients of RoIAlign and crop_and_resize are their finite differences', () => {
  for (let turn = 0; turn < 20; turn++) {
    const shape: Shape = [2, 2, between(2, 5), between(2, 5)];
    const input = roiInput(shape, 3);
    assertGradient(shape, (images) => roiAlign(images, tensors(input)), `RoIAlign, turn ${turn}`);
    const boxes = someBoxes(3, -0.2, 1.2);
    const size: [number, number] = [between(1, 4), between(1, 4)];
    const crop = (images: Tensor) =>
      cropAndResize(images, { boxes: tensor(boxes, [3, 4]), places: indexTensor([0, 1, 1]), size });
    assertGradient(shape, crop, `crop_and_resize, turn ${turn}`);
  }
});

test('float32 regions and their gradients have the same bits with one thread and with two', () => {
  const before = threads();
  const shape: Shape = [2, 37, 11, 13];
  const pixels = Float32Array.from(numbers(2 * 37 * 11 * 13, -1, 1));
  const input = { ...roiInput(shape, 9), size: [7, 7] as const };
  const run = (count: number) =>
    scope(() => {
      setThreads(count);
      const images = tensor(pixels, shape, { requiresGrad: true });
      const result = roiAlign(images, tensors(input));
      const [gradient] = gradients(result.square().sum(), [images]);
      return [result.toBytes(), gradient!.toBytes()];
    });
  const [one, two] = [run(1), run(2)];
  setThreads(before);
  assert.deepEqual(one, two);
});

test('regions of an image that does not exist are refused', () => {
  assert.throws(
    () => roiAlign(tensor([1], [1, 1, 1, 1]), { ...tensors(roiInput([1, 1, 1, 1], 1)), places: indexTensor([1]) }),
    /expected images from 0 to 0, got 1/,
  );
});

const sideOf = (boxes: Float64Array, box: number, axis: number) =>
  Math.max(0, boxes[4 * box + axis + 2]! - boxes[4 * box + axis]!);

function iouByFormula(left: Float64Array, one: number, right: Float64Array, other: number): number {
  const common = [0, 1].map((axis) =>
    Math.max(
      0,
      Math.min(left[4 * one + axis + 2]!, right[4 * other + axis + 2]!) -
        Math.max(left[4 * one + axis]!, right[4 * other + axis]!),
    ),
  );
  const both = common[0]! * common[1]!;
  const area = (boxes: Float64Array, box: number) => sideOf(boxes, box, 0) * sideOf(boxes, box, 1);
  return both === 0 ? 0 : both / (area(left, one) + area(right, other) - both);
}

test('the IoU of boxes is their intersection over their union, 0 without area', () => {
  scope(() => {
    const [left, right] = [someBoxes(40, 0, 10), someBoxes(30, 0, 10)];
    left.set([2, 2, 2, 5], 0);
    const result = boxIou(tensor(left, [40, 4]), tensor(right, [30, 4]));
    const expected = Array.from({ length: 1200 }, (_, place) =>
      iouByFormula(left, Math.floor(place / 30), right, place % 30),
    );
    assertClose(result.toArray(), expected, 1e-12, 'IoU');
  });
});

/** Every box is compared with every kept one, in the order of scores. */
function suppressedByFormula(boxes: Float64Array, scores: number[], classes: number[], options: Suppression): number[] {
  const order = scores
    .map((_, place) => place)
    .filter((place) => !Number.isNaN(scores[place]))
    .sort((one, other) => scores[other]! - scores[one]! || one - other);
  const kept: number[] = [];
  for (const place of order) {
    const rivals = kept.filter((other) => classes[other] === classes[place]);
    if (kept.length < options.limit && rivals.length < options.perClass)
      if (rivals.every((other) => iouByFormula(boxes, place, boxes, other) <= options.threshold)) kept.push(place);
  }
  return kept;
}

interface Suppression {
  threshold: number;
  limit: number;
  perClass: number;
}

test('NMS keeps what comparing every two boxes keeps, on 1,000 random inputs with equal scores and classes', () => {
  for (let turn = 0; turn < 1000; turn++) {
    scope(() => {
      const count = between(0, 40);
      const boxes = someBoxes(count, 0, 6).map(Math.round);
      const scores = Array.from({ length: count }, () =>
        random.integer(20) === 0 ? Number.NaN : random.integer(8) / 8,
      );
      const classes = Array.from({ length: count }, () => random.integer(3));
      const options = { threshold: random.integer(10) / 10 + 0.05, limit: between(1, 40), perClass: between(1, 20) };
      const kept = nonMaximumSuppression(tensor(boxes, [count, 4]), tensor(scores, [count]), {
        ...options,
        classes: indexTensor(classes),
      });
      assert.deepEqual([...kept.toArray()], suppressedByFormula(boxes, scores, classes, options), `turn ${turn}`);
    });
  }
});

test('NMS without limits and classes keeps every box that no better one covers', () => {
  scope(() => {
    const boxes = tensor([0, 0, 4, 4, 0, 0, 4, 3, 8, 8, 9, 9], [3, 4]);
    const kept = (threshold: number) => [
      ...nonMaximumSuppression(boxes, tensor([0.5, 0.9, 0.1]), { threshold }).toArray(),
    ];
    assert.deepEqual(kept(0.7), [1, 2]); // the first two overlap by 3/4
    assert.deepEqual(kept(0.75), [1, 0, 2]);
  });
});

const torchvision = spawnSync('python3', ['-c', 'import torchvision'], { encoding: 'utf8' }).status === 0;

test('RoIAlign, NMS and IoU agree with torchvision', {
  skip: !torchvision && 'python3 has no torchvision here (Debian: python3-torchvision)',
}, () => {
  const shape: Shape = [2, 3, 9, 8];
  const pixels = numbers(2 * 3 * 9 * 8, -1, 1);
  const input: RoiInput = { ...roiInput(shape, 6), size: [3, 2], sampling: 2 };
  const [boxes, scores] = [someBoxes(60, 0, 10), [...numbers(60)]];
  const script = `
import json, sys, torch, torchvision.ops as ops
d = json.load(sys.stdin)
t = lambda values: torch.tensor(values, dtype=torch.float64)
rois = torch.cat([t(d['places'])[:, None], t(d['input']).reshape(-1, 4)], 1)
aligned = ops.roi_align(t(d['pixels']).reshape(d['shape']), rois, d['size'], d['scale'], d['sampling'], True)
boxes = t(d['boxes']).reshape(-1, 4)
json.dump([aligned.flatten().tolist(), ops.nms(boxes, t(d['scores']), 0.5).tolist(), ops.box_iou(boxes, boxes).flatten().tolist()], sys.stdout)
`;
  const { stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify({
      ...input,
      input: [...input.boxes],
      pixels: [...pixels],
      shape,
      boxes: [...boxes],
      scores,
    }),
    encoding: 'utf8',
  });
  assert.ok(stdout, stderr);
  const [aligned, kept, overlaps] = JSON.parse(stdout) as [number[], number[], number[]];
  scope(() => {
    const [ours, theirs] = [tensor(boxes, [60, 4]), tensor(scores, [60])];
    assertClose(roiAlign(tensor(pixels, shape), tensors(input)).toArray(), aligned, 1e-10, 'RoIAlign');
    assert.deepEqual([...nonMaximumSuppression(ours, theirs, { threshold: 0.5 }).toArray()], kept);
    assertClose(boxIou(ours, ours).toArray(), overlaps, 1e-12, 'IoU');
  });
});

const gridSampler = operator('aten::grid_sampler_2d');

testVersions(import.meta.filename, ['off']);
