import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { type Mixing, mixedLabels, mixPictures, randomMixing } from '../../src/streams/mixing.ts';

const values = (seed: string, count: number) => {
  const stream = new RandomStream(seed);
  return Uint8Array.from({ length: count }, () => stream.integer(256));
};

/** Mixes pictures in place; returns their labels. */
function mixBatch(pixels: Uint8Array, labels: Int32Array, size: number, mixing: Mixing) {
  mixPictures(pixels, labels.length, size, mixing);
  return mixedLabels(labels, size, mixing);
}

test('mixup makes weighted sums of pairs from both ends of the batch; the middle picture stays', () => {
  const pixels = Uint8Array.of(100, 0, 40, 7, 8, 9, 200, 50, 240); // three pictures of one pixel
  const mixed = mixBatch(pixels, Int32Array.of(4, 5, 6), 1, { kind: 'mixup', share: 0.75 });
  assert.deepEqual([...pixels], [125, 13, 90, 7, 8, 9, 175, 38, 190]); // 0.75 · 100 + 0.25 · 200 = 125 …
  assert.deepEqual([...mixed.partners], [6, 5, 4]);
  assert.deepEqual([...mixed.weights], [0.75, 0.75, 0.75]);
});

test('cutmix swaps a rectangle between partners, and weighs labels by its pixels', () => {
  const one = values('one', 3 * 16);
  const other = values('other', 3 * 16);
  const pixels = Uint8Array.of(...one, ...other);
  const part = { left: 1, top: 2, width: 3, height: 2 };
  const mixed = mixBatch(pixels, Int32Array.of(0, 1), 4, { kind: 'cutmix', part });
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 4; x++)
      for (let channel = 0; channel < 3; channel++) {
        const at = 3 * (4 * y + x) + channel;
        const inside = x >= 1 && y >= 2;
        assert.equal(pixels[at], (inside ? other : one)[at], `${x}, ${y}`);
        assert.equal(pixels[48 + at], (inside ? one : other)[at], `${x}, ${y}`);
      }
  assert.deepEqual([...mixed.weights], [0.625, 0.625]); // 6 of 16 pixels are the partner's
});

test('mixing pictures with themselves leaves them as they are', () => {
  const picture = values('same', 3 * 64);
  const stream = new RandomStream('mixings');
  for (let number = 0; number < 50; number++) {
    const pixels = Uint8Array.of(...picture, ...picture);
    const mixed = mixBatch(pixels, Int32Array.of(3, 3), 8, randomMixing(stream, 8, { mixup: 0.2, cutmix: 1 }));
    assert.deepEqual(pixels, Uint8Array.of(...picture, ...picture));
    assert.ok(mixed.weights.every((weight) => weight >= 0 && weight <= 1));
  }
});

const mixings = (options: { mixup?: number; cutmix?: number }, count = 20_000): Mixing[] => {
  const stream = new RandomStream('many');
  return Array.from({ length: count }, () => randomMixing(stream, 224, options));
};
const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

test('shares of mixup have the mean and variance of Beta(α, α), also for tiny and large α', () => {
  for (const alpha of [0.001, 0.2, 1, 4]) {
    const shares = mixings({ mixup: alpha }).map((each) => (each.kind === 'mixup' ? each.share : Number.NaN));
    const variance = mean(shares.map((share) => (share - 0.5) ** 2));
    assert.ok(Math.abs(mean(shares) - 0.5) < 0.012, `mean for ${alpha}: ${mean(shares)}`);
    assert.ok(Math.abs(variance - 1 / (4 * (2 * alpha + 1))) < 0.004, `variance for ${alpha}: ${variance}`);
  }
});

test('rectangles of cutmix lie in the picture, and before their clipping cover Beta(1, 1) of it', () => {
  const parts = mixings({ cutmix: 1 }).map((each) => (each.kind === 'cutmix' ? each.part : undefined)!);
  for (const { left, top, width, height } of parts)
    assert.ok(left >= 0 && top >= 0 && width >= 0 && height >= 0 && left + width <= 224 && top + height <= 224);
  // A square of side s around a uniform centre keeps s − s²/4 of each side on average, and s² is uniform in [0, 1]:
  // the mean area is the integral of (s − s²/4)² over s².
  const area = mean(parts.map(({ width, height }) => (width * height) / 224 ** 2));
  assert.ok(Math.abs(area - (1 / 2 - 1 / 5 + 1 / 48)) < 0.01, `${area}`);
});

test('where both are asked for, each batch has one of them, as often', () => {
  const both = mixings({ mixup: 0.2, cutmix: 1 }, 4000);
  const share = both.filter(({ kind }) => kind === 'mixup').length / both.length;
  assert.ok(Math.abs(share - 0.5) < 0.03, `${share}`);
});
