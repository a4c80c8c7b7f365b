// Enlarging by hand: where the new pixels' centres lie, and what the filters make of a step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { resample } from '../../src/data/enlarge.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';

const grey = (values: number[]) => Uint8Array.from(values.flatMap((value) => [value, value, value]));
const reds = (pixels: Uint8Array) => [...pixels].filter((_, index) => index % 3 === 0);
const whole = (height: number, width: number) => ({ left: 0, top: 0, height, width });

test('a step of two pixels enlarged to four, bilinear: the outer stay, the inner are a quarter of the way', () => {
  assert.deepEqual(reds(resample(grey([0, 100]), [1, 2], [1, 4], whole(1, 4), 'bilinear')), [0, 25, 75, 100]);
  assert.deepEqual(reds(resample(grey([0, 100]), [2, 1], [4, 1], whole(4, 1), 'bilinear')), [0, 25, 75, 100]);
});

test('bicubic on a ramp is the ramp away from the border, and a window is a part of the whole', () => {
  const ramp = grey(Array.from({ length: 12 }, (_, x) => 20 * x));
  const enlarged = reds(resample(ramp, [1, 12], [1, 24], whole(1, 24), 'bicubic'));
  assert.deepEqual(
    enlarged.slice(6, 18),
    Array.from({ length: 12 }, (_, x) => 20 * ((x + 6 + 0.5) / 2 - 0.5)),
  );
  const part = reds(resample(ramp, [1, 12], [1, 24], { left: 7, top: 0, height: 1, width: 5 }, 'bicubic'));
  assert.deepEqual(part, enlarged.slice(7, 12));
});

test('a small image is prepared with its middle in the middle: a mirrored image gives the mirrored pixels', async () => {
  const side = 6;
  const bytes = grey(Array.from({ length: side * side }, (_, index) => (37 * index) % 251));
  const image = sharp(bytes, { raw: { height: side, width: side, channels: 3 } });
  for (const aspect of ['stretch', 'shorter-side'] as const) {
    for (const interpolation of ['bilinear', 'bicubic'] as const) {
      const prepare = async (file: Sharp) =>
        reds(await prepareImage(await file.png().toBuffer(), { aspect, interpolation, centralFraction: 1 }, [16, 16]));
      const upright = await prepare(image.clone());
      const turned = await prepare(image.clone().rotate(180));
      assert.deepEqual(turned, upright.toReversed());
    }
  }
});
