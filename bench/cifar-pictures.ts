// Writes images of CIFAR-10 as PNG files in class folders, to train on them as streamed pictures and to compare with
// the prepared images of the same folder:
//
//   node bench/cifar-pictures.ts FOLDER [--training 10000] [--test 2000]
//   nasnet train nasnet-a:1 --filters 8 --recipe fast --epochs 6 --seeds 3 --dataset FOLDER [--stream]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openDataset } from '../src/data/dataset.ts';
import { scope } from '../src/engine/memory.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { training: { type: 'string', default: '10000' }, test: { type: 'string', default: '2000' } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('expected the folder to write');
const dataset = await openDataset(await prepareCifar10({}));
for (const [part, from, count] of [
  ['train', dataset.train, Number(values.training)],
  ['test', dataset.test, Number(values.test)],
] as const) {
  for (const name of dataset.classes) mkdirSync(join(folder, part, name), { recursive: true });
  const labels = from.labels.toArray();
  for (let place = 0; place < count; place++) {
    const pixels = scope(() => from.images.select(0, place).permute([1, 2, 0]).contiguous().toBytes());
    const path = join(folder, part, dataset.classes[labels[place]!]!, `${String(place).padStart(5, '0')}.png`);
    await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(path);
  }
}
