// Every fault that files with boxes have: what is said of it, and what becomes of the boxes.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCocoFile } from '../../src/detection-data/coco-file.ts';
import { boxesToLearn } from '../../src/detection-data/detection-dataset.ts';
import { type FaultName, Faults, faultKinds } from '../../src/detection-data/faults.ts';
import { readDetectionData } from '../../src/detection-data/read-detection-data.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { annotation, faultOf, vocObject, writeCoco, writePicture, writeText, writeVoc, writeYolo } from './made.ts';

interface Made {
  kind: FaultName;
  /** Writes the input; returns its path. */
  write: (folder: string) => Promise<string>;
  /** In the first example. */
  says: RegExp;
  /** [class, x, y, width, height] of all boxes; by default not compared. */
  boxes?: number[][];
  count?: number;
}

const coco =
  (...annotations: object[]) =>
  (folder: string) =>
    writeCoco(folder, { annotations });
const voc = (objects: string, filename?: string, size?: number[]) => (folder: string) =>
  writeVoc(folder, objects, filename, size);
const yolo = (lines: string, yaml?: string) => (folder: string) => writeYolo(folder, lines, yaml);
const whole = [0, 10, 10, 10, 20];

const made: Record<string, Made> = {
  'a COCO box without height, as annotation 918 of train2017': {
    kind: 'zero-size',
    write: coco(annotation({ id: 918, bbox: [10, 10, 10, 0] })),
    says: /instances_train\.json, annotation 918 \(7\.jpg\)/,
    boxes: [[0, 10, 10, 10, 0]],
  },
  'a COCO box of negative width': {
    kind: 'negative-size',
    write: coco(annotation({ bbox: [20, 10, -10, 20] })),
    says: /annotation 1 .*20 10 -10 20/,
    boxes: [whole],
  },
  'COCO boxes that are two corners': {
    kind: 'corners-for-size',
    write: coco(annotation({ bbox: [10, 10, 20, 30] }), annotation({ id: 2, bbox: [50, 20, 90, 70] })),
    says: /instances_train\.json/,
    boxes: [whole, [0, 50, 20, 40, 50]],
  },
  'COCO boxes that are two corners within their picture, as their areas say': {
    kind: 'corners-for-size',
    write: coco(
      annotation({ bbox: [10, 10, 20, 30], area: 200 }),
      annotation({ id: 2, bbox: [20, 20, 50, 40], area: 600 }),
    ),
    says: /instances_train\.json/,
    boxes: [whole, [0, 20, 20, 30, 20]],
  },
  'YOLO values above 1': {
    kind: 'outside-unit',
    write: yolo('0 0.15 0.25 0.1 0.25\n0 0.95 0.5 1.3 0.25\n'),
    says: /labels\/train\/a\.txt, line 2: 0 0\.95/,
    boxes: [whole, [0, 30, 30, 70, 20]],
  },
  'VOC corners counted from 1': {
    kind: 'first-pixel-1',
    write: voc(vocObject(11, 11, 20, 30)),
    says: /a\.xml, line 4: 11 11 20 30/,
    boxes: [whole],
  },
  'VOC corners counted from 0': {
    kind: 'first-pixel-0',
    write: voc(vocObject(0, 0, 100, 80) + vocObject(10, 10, 20, 30)),
    says: /a\.xml, line 4/,
    boxes: [[0, 0, 0, 100, 80], whole],
  },
  'VOC corners in the wrong order': {
    kind: 'inverted-corners',
    write: voc(vocObject(20, 30, 11, 11)),
    says: /a\.xml, line 4: 20 30 11 11/,
    boxes: [whole],
  },
  'VOC corners that are equal': {
    kind: 'equal-corners',
    write: voc(vocObject(11, 11, 11, 30)),
    says: /11 11 11 30/,
    boxes: [[0, 10, 10, 1, 20]],
  },
  'VOC corners with fractions': {
    kind: 'float-corners',
    write: voc(vocObject(11.5, 11, 20.5, 30)),
    says: /11\.5 11 20\.5 30/,
    boxes: [[0, 10.5, 10, 10, 20]],
  },
  'a box that reaches half a pixel beyond its picture': {
    kind: 'clipped',
    write: coco(annotation({ bbox: [90, 60, 10.5, 20] })),
    says: /annotation 1 .*90 60 10\.5 20 in 100 × 80/,
    boxes: [[0, 90, 60, 10, 20]],
  },
  'a box that reaches ten pixels beyond its picture': {
    kind: 'beyond-picture',
    write: coco(annotation(), annotation({ id: 2, bbox: [90, 60, 20, 20] })),
    says: /annotation 2/,
    boxes: [whole, [0, 90, 60, 10, 20]],
  },
  'a box that lies beside its picture': {
    kind: 'beyond-picture',
    write: coco(annotation(), annotation({ id: 2, bbox: [300, 60, 20, 20] })),
    says: /annotation 2/,
    boxes: [whole],
  },
  'a picture turned by EXIF whose boxes are of the stored picture': {
    kind: 'exif',
    write: async (folder) => {
      const images = [{ id: 7, file_name: '7.jpg', width: 100, height: 80 }];
      const path = await writeCoco(folder, { images, annotations: [annotation()] });
      await writePicture(join(folder, 'train', '7.jpg'), 100, 80, 6); // seen as 80 × 100
      return path;
    },
    says: /7\.jpg.*EXIF orientation 6/,
    boxes: [[0, 50, 10, 20, 10]],
  },
  'a picture turned by EXIF with YOLO boxes': {
    kind: 'exif-unclear',
    write: async (folder) => {
      await writeYolo(folder, '0 0.5 0.5 0.5 0.5\n');
      await writePicture(join(folder, 'images', 'train', 'a.jpg'), 100, 80, 8);
      return folder;
    },
    says: /a\.txt.*EXIF orientation 8/,
    boxes: [[0, 20, 25, 40, 50]],
  },
  'a COCO class that is not listed': {
    kind: 'unknown-class',
    write: coco(annotation(), annotation({ id: 2, category_id: 9 })),
    says: /annotation 2: category_id 9/,
    boxes: [whole],
  },
  'a VOC class that labels.txt does not list': {
    kind: 'unknown-class',
    write: async (folder) => {
      writeText(join(folder, 'labels.txt'), 'cat\n');
      return voc(vocObject(11, 11, 20, 30) + vocObject(11, 11, 20, 30, 'cow'))(folder);
    },
    says: /a\.xml, line 8: "cow"/,
    boxes: [whole],
  },
  'a YOLO class out of range': {
    kind: 'unknown-class',
    write: yolo('0 0.15 0.25 0.1 0.25\n2 0.15 0.25 0.1 0.25\n'),
    says: /a\.txt, line 2.*classes 0 to 1/,
    boxes: [whole],
  },
  'an annotation of a picture that is not listed': {
    kind: 'unknown-picture',
    write: coco(annotation(), annotation({ id: 2, image_id: 8 })),
    says: /annotation 2: image_id 8/,
    boxes: [whole],
  },
  'class ids with gaps': {
    kind: 'gaps-in-ids',
    write: (folder) =>
      writeCoco(folder, {
        categories: [
          { id: 1, name: 'cat' },
          { id: 11, name: 'dog' },
          { id: 13, name: 'cow' },
        ],
      }),
    says: /11 follows 1, of 3 classes/,
    boxes: [whole],
  },
  'ids from 0': {
    kind: 'ids-from-0',
    write: coco(annotation({ id: 0 })),
    says: /annotation 0/,
    boxes: [whole],
  },
  'class ids from 0': {
    kind: 'ids-from-0',
    write: (folder) =>
      writeCoco(folder, { categories: [{ id: 0, name: 'cat' }], annotations: [annotation({ category_id: 0 })] }),
    says: /categories\[0\]: id 0, name "cat"/,
    boxes: [whole],
  },
  'ids that are text': {
    kind: 'text-ids',
    write: coco(annotation({ image_id: '7' })),
    says: /annotation 1/,
    boxes: [whole],
  },
  'annotations with one id': {
    kind: 'doubled-ids',
    write: coco(annotation(), annotation({ bbox: [30, 10, 10, 20] })),
    says: /annotation 1/,
    boxes: [whole, [0, 30, 10, 10, 20]],
  },
  'an annotation without an id': {
    kind: 'missing-id',
    write: coco(annotation({ id: undefined })),
    says: /annotation 0 of the list/,
    boxes: [whole],
  },
  'a class id with two names': {
    kind: 'doubled-class',
    write: (folder) =>
      writeCoco(folder, {
        categories: [
          { id: 1, name: 'cat' },
          { id: 1, name: 'dog' },
        ],
      }),
    says: /categories\[1\]: id 1, name "dog"/,
    boxes: [whole],
  },
  'two class ids with one name': {
    kind: 'doubled-name',
    write: (folder) =>
      writeCoco(folder, {
        categories: [
          { id: 1, name: 'cat' },
          { id: 2, name: 'cat' },
        ],
      }),
    says: /categories\[1\]: id 2/,
    boxes: [whole],
  },
  'a class without a name': {
    kind: 'no-class-names',
    write: (folder) => writeCoco(folder, { categories: [{ id: 1 }] }),
    says: /categories\[0\]/,
  },
  'YOLO labels without class names': {
    kind: 'no-class-names',
    write: yolo('3 0.15 0.25 0.1 0.25\n', ''),
    says: /./,
    boxes: [[3, 10, 10, 10, 20]],
  },
  'two pictures with one id': {
    kind: 'doubled-picture',
    write: (folder) =>
      writeCoco(folder, {
        images: ['7.jpg', '8.jpg'].map((file_name) => ({ id: 7, file_name, width: 100, height: 80 })),
      }),
    says: /images\[1\]: id 7, file_name "8\.jpg"/,
    boxes: [whole],
  },
  'doubled lines': {
    kind: 'doubled-lines',
    write: yolo('0 0.15 0.25 0.1 0.25\n1 0.5 0.5 0.1 0.1\n0 0.15 0.25 0.1 0.25\n'),
    says: /a\.txt, line 3/,
    boxes: [whole, [1, 45, 36, 10, 8]],
  },
  'two annotations with one box': {
    kind: 'doubled-boxes',
    write: coco(annotation(), annotation({ id: 2 })),
    says: /7\.jpg.*annotation 2/,
    boxes: [whole, whole],
  },
  'YOLO polygons': {
    kind: 'box-of-polygon',
    write: yolo('0 0.1 0.125 0.2 0.125 0.2 0.375 0.1 0.375\n'),
    says: /a\.txt, line 1/,
    boxes: [whole],
  },
  'YOLO key points': {
    kind: 'more-values',
    write: yolo('0 0.15 0.25 0.1 0.25 0.2 0.2 2 0.3 0.3 2 0.1 0.1 0\n'),
    says: /a\.txt, line 1/,
    boxes: [whole],
  },
  'YOLO key points that data.yaml describes': {
    kind: 'more-values',
    write: yolo('0 0.15 0.25 0.1 0.25 0.2 0.2 0.3 0.3\n', 'train: images/train\nkpt_shape: [2, 2]\nnames: {0: cat}\n'),
    says: /a\.txt, line 1/,
    boxes: [whole],
  },
  'COCO polygons without a box': {
    kind: 'box-of-polygon',
    write: coco(annotation({ bbox: undefined, segmentation: [[10, 10, 20, 10, 15, 30]] })),
    says: /annotation 1/,
    boxes: [whole],
  },
  'a COCO mask without a box': {
    kind: 'box-of-polygon',
    // Three columns from 10 on, rows 5 to 7 of 80: runs down the columns
    write: coco(annotation({ bbox: [], segmentation: { size: [80, 100], counts: [805, 3, 77, 3, 77, 3, 7032] } })),
    says: /annotation 1/,
    boxes: [[0, 10, 5, 3, 3]],
  },
  'COCO polygons beside the box': {
    kind: 'polygons',
    write: coco(annotation({ segmentation: [[10, 10, 20, 10, 20, 30]] })),
    says: /annotation 1/,
    boxes: [whole],
  },
  crowds: {
    kind: 'crowds',
    write: coco(annotation(), annotation({ id: 2, iscrowd: 1, bbox: [0, 0, 50, 50] })),
    says: /annotation 2/,
    boxes: [whole, [0, 0, 0, 50, 50]],
  },
  'a file of crowds only': {
    kind: 'all-crowds',
    write: coco(annotation({ iscrowd: 1 })),
    says: /instances_train\.json/,
    boxes: [whole],
  },
  'a missing area': {
    kind: 'missing-area',
    write: coco(annotation({ area: undefined })),
    says: /annotation 1/,
    boxes: [whole],
  },
  'a missing iscrowd': {
    kind: 'missing-iscrowd',
    write: coco(annotation({ iscrowd: undefined })),
    says: /annotation 1/,
    boxes: [whole],
  },
  'a listed picture that is absent': {
    kind: 'absent-picture',
    write: async (folder) => {
      const path = await writeCoco(folder);
      rmSync(join(folder, 'train', '7.jpg'));
      return path;
    },
    says: /instances_train\.json: 7\.jpg/,
    boxes: [whole],
  },
  'a picture that cannot be read': {
    kind: 'unreadable-picture',
    write: async (folder) => {
      const path = await writeCoco(folder);
      writeText(join(folder, 'train', '7.jpg'), 'no picture');
      return path;
    },
    says: /7\.jpg: an unsupported image format/,
    boxes: [whole],
  },
  'a picture without boxes': {
    kind: 'no-boxes',
    write: coco(),
    says: /7\.jpg/,
    boxes: [],
  },
  'a picture without a label file': {
    kind: 'no-annotations',
    write: async (folder) => {
      await writePicture(join(folder, 'images', 'train', 'b.jpg'), 50, 50);
      return yolo('0 0.15 0.25 0.1 0.25\n')(folder);
    },
    says: /b\.jpg/,
    boxes: [whole],
  },
  'a label file without a picture': {
    kind: 'no-picture',
    write: async (folder) => {
      writeText(join(folder, 'labels', 'train', 'b.txt'), '0 0.15 0.25 0.1 0.25\n');
      return yolo('0 0.15 0.25 0.1 0.25\n')(folder);
    },
    says: /labels\/train\/b\.txt/,
    boxes: [whole],
  },
  'a size of -1': {
    kind: 'missing-size',
    write: (folder) => writeCoco(folder, { images: [{ id: 7, file_name: '7.jpg', width: -1, height: -1 }] }),
    says: /7\.jpg/,
    boxes: [whole],
  },
  'a size that is neither stated nor readable': {
    kind: 'unknown-size',
    write: (folder) =>
      writeCoco(folder, {
        images: [
          { id: 7, file_name: '7.jpg', width: 100, height: 80 },
          { id: 8, file_name: '8.jpg' },
        ],
      }),
    says: /8\.jpg/,
    boxes: [whole],
  },
  'width and height swapped': {
    kind: 'swapped-size',
    write: voc(vocObject(11, 11, 20, 30), 'a.jpg', [80, 100]),
    says: /a\.xml.*stated 80 × 100, the picture has 100 × 80/,
    boxes: [whole],
  },
  'a picture of half the stated size': {
    kind: 'other-size',
    write: voc(vocObject(21, 21, 40, 60), 'a.jpg', [200, 160]),
    says: /a\.xml.*stated 200 × 160, the picture has 100 × 80/,
    boxes: [whole],
  },
  'a VOC file that names another picture': {
    kind: 'other-name',
    write: voc(vocObject(11, 11, 20, 30), 'b.jpg'),
    says: /a\.xml: b\.jpg/,
    boxes: [whole],
  },
  'broken XML': {
    kind: 'bad-file',
    write: async (folder) => {
      writeText(join(folder, 'Annotations', 'b.xml'), '<annotation>\n<object>\n</annotation>\n');
      return voc(vocObject(11, 11, 20, 30))(folder);
    },
    says: /b\.xml, line 3: expected <\/object>, got "<\/annotation>"/,
    boxes: [whole],
  },
  'a line of words': {
    kind: 'not-a-box',
    write: yolo('0 0.15 0.25 0.1 0.25\ncat 0.1 0.1 0.1 0.1\n'),
    says: /a\.txt, line 2: cat 0\.1/,
    boxes: [whole],
  },
  'a COCO box of three numbers': {
    kind: 'not-a-box',
    write: coco(annotation(), annotation({ id: 2, bbox: [1, 2, 3] })),
    says: /annotation 2: bbox is \[1,2,3\]/,
    boxes: [whole],
  },
  'a VOC object without corners': {
    kind: 'not-a-box',
    write: voc(`${vocObject(11, 11, 20, 30)}<object><name>cat</name></object>`),
    says: /a\.xml, line 8/,
    boxes: [whole],
  },
};

for (const [name, { kind, write, says, boxes, count = 1 }] of Object.entries(made)) {
  const { treatment } = faultKinds[kind];
  test(`${name}: ${treatment}`, async (context) => {
    const path = await write(temporaryFolder(context));
    const { fault, boxes: read } = await faultOf(path, kind);
    assert.ok(fault, 'it is not reported');
    assert.match(fault.examples[0]!, says);
    if (!['first-pixel-0'].includes(kind)) assert.equal(fault.count, count);
    if (boxes) assert.deepEqual(read, boxes);
    if (treatment !== 'refused') await readDetectionData(path);
    else
      await assert.rejects(readDetectionData(path), (error: InputError) => {
        assert.ok(error instanceof InputError);
        assert.ok(error.message.includes(faultKinds[kind].title), error.message);
        assert.ok(error.message.includes(fault.examples[0]!), error.message);
        return true;
      });
  });
}

test('every kind of fault is made by one of these inputs', () => {
  const kinds = new Set(Object.values(made).map(({ kind }) => kind));
  assert.deepEqual(
    Object.keys(faultKinds).filter((kind) => !kinds.has(kind as FaultName)),
    [],
  );
});

test('files without faults are read without a word', async (context) => {
  for (const write of [coco(annotation()), yolo('1 0.15 0.25 0.1 0.25\n')]) {
    const { faults } = await readDetectionData(await write(temporaryFolder(context)));
    assert.deepEqual(faults.report(), []);
  }
});

test('a report has the first three places of a kind and counts the others', async (context) => {
  const path = await coco(...[1, 2, 3, 4, 5].map((id) => annotation({ id, area: null, bbox: [id, 5, 5, 5] })))(
    temporaryFolder(context),
  );
  const { faults } = await readDetectionData(path);
  const words = faults.words(false);
  assert.equal(words[0], 'annotations without an area: 5 (width × height is used)');
  assert.equal(words.length, 5);
  assert.equal(words[4], '  and 2 more');
});

test('no training uses boxes without area, and crowds', async (context) => {
  const path = await coco(
    annotation(),
    annotation({ id: 2, bbox: [1, 1, 0, 9] }),
    annotation({ id: 3, iscrowd: 1 }),
  )(temporaryFolder(context));
  const { parts } = await readDetectionData(path);
  assert.deepEqual(
    boxesToLearn(parts[0]!.dataset.pictures[0]!).map(({ id }) => id),
    [1],
  );
});

test('a file that is no COCO file is refused with what it lacks', async (context) => {
  const folder = temporaryFolder(context);
  const read = (text: string) => () => readCocoFile(writeText(join(folder, 'a.json'), text), new Faults());
  assert.throws(read('[{"image_id": 1}]'), /expected COCO annotations, an object with images.*got a list/);
  assert.throws(read('{"images": [], "annotations": []}'), /got no "categories"/);
  assert.throws(read('{"images": {"a": 1}}'), /images: expected a list, got \{"a":1\}/);
  assert.throws(read('{"images": [3]}'), /images\[0\]: expected an object, got 3/);
});

test('a dataset without a picture is refused', async (context) => {
  const path = await writeCoco(temporaryFolder(context), { images: [], annotations: [] });
  await assert.rejects(readDetectionData(path), /instances_train\.json: expected pictures with boxes, got none/);
});

test('a YOLO picture that cannot be read has no size, with or without labels', async (context) => {
  const folder = await writeYolo(temporaryFolder(context), '');
  writeText(join(folder, 'images', 'train', 'b.jpg'), 'no picture');
  const { fault } = await faultOf(folder, 'unknown-size');
  assert.match(fault!.examples[0]!, /b\.jpg/);
});
