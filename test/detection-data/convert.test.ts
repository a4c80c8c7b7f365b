// Conversion keeps every box, in all six directions.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DetectionDataset, DetectionPicture } from '../../src/detection-data/detection-dataset.ts';
import { type DetectionFormat, detectionFormat, detectionFormats } from '../../src/detection-data/detection-format.ts';
import { type DetectionPart, readDetectionData } from '../../src/detection-data/read-detection-data.ts';
import { writeDetectionData } from '../../src/detection-data/write-detection-data.ts';
import { lossesIn } from '../../src/detection-data/write-formats.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { writeCoco, writePicture, writeText, writeVoc, writeYolo } from './made.ts';

/** Random boxes: whole numbers, hundredths, to the edge, thinner than a pixel, without area. */
function randomBoxes(random: RandomStream, width: number, height: number, firstId: number): DetectionPicture['boxes'] {
  return Array.from({ length: random.integer(6) }, (_, place) => {
    const step = [1, 0.01, 0.001][random.integer(3)]!;
    const x = step * random.integer(Math.floor(width / 2 / step));
    const y = step * random.integer(Math.floor(height / 2 / step));
    const sides = [() => 0.25, () => 0, () => 1, () => width / 2 - 1, () => 10 + random.uniform()];
    const [boxWidth, boxHeight] = [sides[random.integer(5)]!(), 12];
    return {
      ...{ x, y, width: boxWidth, height: boxHeight, area: boxWidth * boxHeight },
      ...{ category: random.integer(3), crowd: false, id: firstId + place },
    };
  });
}

async function randomPart(folder: string, seed: number): Promise<DetectionPart> {
  const random = new RandomStream('boxes').split(`${seed}`);
  const categories = ['zebra', 'a & <b>', 'cat'].map((name, place) => ({ id: place + 1, name }));
  const pictures: DetectionPicture[] = [];
  let next = 1;
  for (let id = 1; id <= 4; id++) {
    const [width, height] = [60 + random.integer(80), 50 + random.integer(80)];
    const name = id === 4 ? 'inner/000000000004.png' : `00000000000${id}.jpg`;
    const path = await writePicture(join(folder, name), width, height);
    const boxes = randomBoxes(random, width, height, next);
    next += boxes.length;
    pictures.push({ path, name, id, width, height, boxes });
  }
  return { name: 'train', dataset: { categories, pictures } };
}

/** Returns the invariants of a conversion: classes, pictures, and boxes to a millionth of a pixel. */
const comparable = ({ categories, pictures }: DetectionDataset) => ({
  categories,
  pictures: pictures.map(({ name, id, width, height, boxes }) => ({
    ...{ name, id, width, height },
    boxes: boxes.map(({ x, y, width, height, category, id }) => [
      category,
      id,
      ...[x, y, width, height].map((value) => Number(value.toFixed(6)) + 0),
    ]),
  })),
});

for (const from of detectionFormats) {
  for (const to of detectionFormats.filter((format) => format !== from)) {
    test(`from ${from} to ${to} and back, every box of random datasets stays where it is`, async (context) => {
      for (let seed = 0; seed < 6; seed++) {
        const folder = temporaryFolder(context);
        const part = await randomPart(join(folder, 'pictures'), seed);
        let parts: DetectionPart[] = [part];
        for (const [step, format] of [from, to, from].entries()) {
          const place = join(folder, `${step}`);
          await writeDetectionData(place, format, parts);
          assert.equal(detectionFormat(place), format);
          parts = (await readDetectionData(place)).parts;
        }
        assert.equal(parts.length, 1);
        assert.deepEqual(comparable(parts[0]!.dataset), comparable(part.dataset), `seed ${seed}`);
      }
    });
  }
}

test('parts stay parts, and pictures that share a name get that of their part', async (context) => {
  const folder = temporaryFolder(context);
  for (const part of ['train', 'val']) {
    await writePicture(join(folder, 'from', 'images', part, 'a.jpg'), 100, 80);
    writeText(
      join(folder, 'from', 'labels', part, 'a.txt'),
      part === 'val' ? '1 0.5 0.5 0.5 0.5\n' : '0 0.25 0.25 0.5 0.5\n',
    );
  }
  writeText(
    join(folder, 'from', 'data.yaml'),
    'path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n',
  );
  let path = join(folder, 'from');
  for (const format of ['voc', 'coco', 'yolo'] as DetectionFormat[]) {
    const { parts } = await readDetectionData(path);
    path = join(folder, format);
    await writeDetectionData(path, format, parts);
  }
  const { parts } = await readDetectionData(path);
  assert.deepEqual(
    parts.map(({ name, dataset }) => [
      name,
      dataset.pictures.map(({ name }) => name),
      dataset.pictures[0]!.boxes[0]!.category,
    ]),
    [
      ['train', ['train/a.jpg'], 0],
      ['val', ['val/a.jpg'], 1],
    ],
  );
});

test('what a format cannot hold is counted', async () => {
  const box = { x: 0, y: 0, width: 10, height: 10, category: 0, crowd: false, area: 100, id: 1 };
  const boxes = [
    { ...box, crowd: true },
    { ...box, area: 60, id: 2 },
    { ...box, difficult: true as const, id: 9 },
  ];
  const pictures = [{ path: 'a.jpg', name: 'a.jpg', id: 1, width: 20, height: 20, boxes }];
  const parts = [{ name: 'train', dataset: { categories: [{ id: 5, name: 'cat' }], pictures } }];
  const counts = (format: DetectionFormat) =>
    lossesIn(format, parts).map(({ what, count }) => `${count} ${what.split(/[,:]/)[0]}`);
  assert.deepEqual(counts('coco'), []);
  const both = [
    '1 crowds',
    '1 areas of outlines',
    '1 ids of classes',
    '1 ids of annotations',
    '1 ids of pictures that are not their names',
  ];
  assert.deepEqual(counts('voc'), both);
  assert.deepEqual(counts('yolo'), [...both, '1 marks of difficult objects']);
});

test('a crowd is a difficult object in VOC, and difficult objects stay so in COCO', async (context) => {
  const folder = temporaryFolder(context);
  const annotations = [{ id: 1, image_id: 7, category_id: 1, bbox: [1, 1, 5, 5], area: 25, iscrowd: 1 }];
  const path = await writeCoco(join(folder, 'a'), {
    annotations: [...annotations, { ...annotations[0]!, id: 2, iscrowd: 0 }],
  });
  await writeDetectionData(join(folder, 'b'), 'voc', (await readDetectionData(path)).parts);
  await writeDetectionData(join(folder, 'c'), 'coco', (await readDetectionData(join(folder, 'b'))).parts);
  const { parts } = await readDetectionData(join(folder, 'c'));
  assert.deepEqual(
    parts[0]!.dataset.pictures[0]!.boxes.map(({ difficult = false }) => difficult),
    [true, false],
  );
});

test('pictures are further names of the same files, or copies, or not there', async (context) => {
  const folder = temporaryFolder(context);
  const { parts } = await readDetectionData(await writeYolo(join(folder, 'a'), '0 0.5 0.5 0.5 0.5\n'));
  const source = statSync(join(folder, 'a', 'images', 'train', 'a.jpg'));
  for (const pictures of ['link', 'copy', 'none'] as const) {
    await writeDetectionData(join(folder, pictures), 'coco', parts, { pictures });
    const placed = join(folder, pictures, 'train', 'a.jpg');
    assert.equal(existsSync(placed), pictures !== 'none');
    if (pictures !== 'none') assert.equal(statSync(placed).ino === source.ino, pictures === 'link');
  }
});

test('a folder with files is refused, and what stops half-way leaves nothing', async (context) => {
  const folder = temporaryFolder(context);
  const { parts } = await readDetectionData(await writeVoc(join(folder, 'a'), ''));
  writeText(join(folder, 'b', 'mine.txt'), 'mine');
  await assert.rejects(writeDetectionData(join(folder, 'b'), 'yolo', parts), /exists already and is not empty/);
  await writeDetectionData(join(folder, 'b'), 'yolo', parts, { overwrite: true });
  assert.equal(readFileSync(join(folder, 'b', 'mine.txt'), 'utf8'), 'mine');
  assert.ok(existsSync(join(folder, 'b', 'data.yaml')));
  const [part] = parts;
  const lost = { ...part!.dataset.pictures[0]!, path: join(folder, 'none.jpg') };
  const broken = [{ name: 'train', dataset: { ...part!.dataset, pictures: [lost] } }];
  await assert.rejects(writeDetectionData(join(folder, 'c'), 'yolo', broken), /ENOENT/);
  assert.deepEqual(readdirSync(folder).sort(), ['a', 'b']);
});

test('names never leave the folder, and two names for one file of boxes are refused', async (context) => {
  const folder = temporaryFolder(context);
  const path = await writePicture(join(folder, 'p.jpg'), 9, 9);
  const parts = (...names: string[]) => [
    {
      name: '../train',
      dataset: {
        categories: [],
        pictures: names.map((name, id) => ({ path, name, id, width: 9, height: 9, boxes: [] })),
      },
    },
  ];
  await writeDetectionData(
    join(folder, 'to', 'out'),
    'voc',
    parts('../../escaped.jpg', '/absolute.jpg', 'in\\side.jpg'),
  );
  const files = readdirSync(join(folder, 'to', 'out', 'JPEGImages'), { recursive: true }).sort();
  assert.deepEqual(files, ['absolute.jpg', 'escaped.jpg', 'in', 'in/side.jpg']);
  assert.deepEqual(readdirSync(folder).sort(), ['p.jpg', 'to']);
  await assert.rejects(
    writeDetectionData(join(folder, 'x'), 'yolo', parts('a.jpg', 'a.png')),
    /differs from .* in more than its ending/,
  );
});

test('a dataset of two formats has to be named, and none is refused', async (context) => {
  const folder = temporaryFolder(context);
  await writeYolo(folder, '0 0.5 0.5 0.5 0.5\n');
  await writeVoc(folder, '');
  assert.throws(() => detectionFormat(folder), /got a folder of voc and yolo/);
  assert.equal((await readDetectionData(folder, { format: 'voc' })).format, 'voc');
  assert.throws(() => detectionFormat(join(folder, 'images')), /got a folder of none/);
  assert.throws(() => detectionFormat(join(folder, 'none')), /no such file or folder/);
});

test('pictures and labels in one folder, lists of pictures and Roboflow’s paths are found', async (context) => {
  const folder = temporaryFolder(context);
  const flat = join(folder, 'flat');
  await writePicture(join(flat, 'a.jpg'), 100, 80);
  writeText(join(flat, 'a.txt'), '0 0.5 0.5 0.5 0.5\n');
  writeText(join(flat, 'classes.txt'), 'cat\n');
  const robo = join(folder, 'robo');
  await writePicture(join(robo, 'train', 'images', 'a.jpg'), 100, 80);
  writeText(join(robo, 'train', 'labels', 'a.txt'), '0 0.5 0.5 0.5 0.5\n');
  writeText(join(robo, 'data.yaml'), "train: ../train/images\nnc: 1\nnames: ['cat']\n");
  const listed = join(folder, 'listed');
  await writeYolo(listed, '0 0.5 0.5 0.5 0.5\n', 'train: train.txt\nnames: [cat]\n');
  writeText(join(listed, 'train.txt'), './images/train/a.jpg\n');
  for (const path of [flat, robo, listed]) {
    const { parts, faults } = await readDetectionData(path);
    assert.deepEqual(
      parts.map(({ name, dataset }) => [
        name,
        dataset.categories[0]!.name,
        dataset.pictures.map(({ boxes }) => boxes.length),
      ]),
      [['train', 'cat', [1]]],
    );
    assert.deepEqual(faults.report(), []);
  }
});

test('files of other tools are found: Roboflow’s COCO and VOC, and annotations of another folder name', async (context) => {
  const folder = temporaryFolder(context);
  const annotations = {
    images: [{ id: 1, file_name: 'a.jpg', width: 100, height: 80 }],
    categories: [],
    annotations: [],
  };
  for (const part of ['train', 'valid']) {
    for (const kind of ['coco', 'voc']) await writePicture(join(folder, kind, part, 'a.jpg'), 100, 80);
    writeText(join(folder, 'coco', part, '_annotations.coco.json'), JSON.stringify(annotations));
    writeText(join(folder, 'voc', part, 'a.xml'), '<annotation><filename>a.jpg</filename></annotation>');
  }
  await writePicture(join(folder, 'kaggle', 'images', 'a.png'), 100, 80);
  writeText(join(folder, 'kaggle', 'annotations', 'a.xml'), '<annotation><filename>a.png</filename></annotation>');
  const read = async (name: string) => {
    const { parts } = await readDetectionData(join(folder, name));
    return parts.map(({ name, dataset }) => [
      name,
      dataset.pictures.map(({ name, absent }) => `${name} ${absent ?? ''}`.trim()),
    ]);
  };
  assert.deepEqual(await read('coco'), [
    ['train', ['a.jpg']],
    ['valid', ['a.jpg']],
  ]);
  assert.deepEqual(await read('voc'), [
    ['train', ['train/a.jpg']],
    ['valid', ['valid/a.jpg']],
  ]);
  assert.deepEqual(await read('kaggle'), [['train', ['a.png']]]);
});

test('a data.yaml with another number of classes than names is refused', async (context) => {
  const path = await writeYolo(temporaryFolder(context), '', 'train: images/train\nnc: 3\nnames: [cat]\n');
  await assert.rejects(readDetectionData(path), /data\.yaml: nc: expected 1, the number of names, got 3/);
});
