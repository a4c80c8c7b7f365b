import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { readPictureSizes, upright } from '../../src/detection-data/picture-size.ts';
import { turn } from '../../src/detection-data/settle.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { writePicture } from './made.ts';

const box = { x: 5, y: 3, width: 20, height: 8 };

/** Paints the box white on a stored picture, turns it as EXIF says, and returns where the box is then. */
async function paintedAndTurned(path: string, orientation: number) {
  const white = await sharp({ create: { ...box, channels: 3, background: 'white' } })
    .png()
    .toBuffer();
  await sharp({ create: { width: 60, height: 40, channels: 3, background: 'black' } })
    .composite([{ input: white, left: box.x, top: box.y }])
    .withMetadata({ orientation })
    .png()
    .toFile(path);
  const { data, info } = await sharp(path).autoOrient().greyscale().raw().toBuffer({ resolveWithObject: true });
  const lit = [...data.keys()].filter((place) => data[place]! > 128);
  const [columns, rows] = [lit.map((place) => place % info.width), lit.map((place) => Math.floor(place / info.width))];
  const [x, y] = [Math.min(...columns), Math.min(...rows)];
  return {
    x,
    y,
    width: Math.max(...columns) - x + 1,
    height: Math.max(...rows) - y + 1,
    picture: [info.width, info.height],
  };
}

for (let orientation = 1; orientation <= 8; orientation++) {
  test(`a box goes with its picture through EXIF orientation ${orientation}`, async (context) => {
    const path = join(temporaryFolder(context), 'a.png');
    const { picture, ...expected } = await paintedAndTurned(path, orientation);
    const [size] = await readPictureSizes([path]);
    assert.ok(size && !(size instanceof Error));
    const turned = { ...box };
    turn(turned, size);
    assert.deepEqual(turned, expected);
    assert.deepEqual(Object.values(upright(size)), picture);
  });
}

test('sizes are in the order of the pictures, with the reason for those that cannot be read', async (context) => {
  const folder = temporaryFolder(context);
  const paths = await Promise.all([10, 20, 30].map((width) => writePicture(join(folder, `${width}.png`), width, 7)));
  const sizes = await readPictureSizes([...paths, join(folder, 'none.png')]);
  assert.deepEqual(
    sizes.slice(0, 3).map((size) => !(size instanceof Error) && size.width),
    [10, 20, 30],
  );
  assert.match(String(sizes[3]), /ENOENT/);
});
