import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Detection, TruthBox } from '../../src/coco/box.ts';
import { evaluateDetections, type Truth } from '../../src/coco/coco-evaluation.ts';
import { overlapWith } from '../../src/coco/overlap.ts';
import { averagePrecision, twelveNumbers } from '../../src/coco/twelve-numbers.ts';
import { pictureErrors, workingPoint } from '../../src/coco/working-point.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { plainNumbers } from './plain-evaluation.ts';

const object = (x: number, y: number, width: number, height: number, more: Partial<TruthBox> = {}): TruthBox => ({
  ...{ x, y, width, height, category: 0, crowd: false, area: width * height, id: 1 },
  ...more,
});
const found = (x: number, y: number, width: number, height: number, score = 0.9, more: Partial<Detection> = {}) => ({
  ...{ x, y, width, height, score, picture: 0, category: 0 },
  ...more,
});
const onePicture = (...boxes: TruthBox[]): Truth => ({ categories: ['thing'], pictures: [{ boxes }] });
const numbers = (truth: Truth, detections: Detection[], asPycocotools = false) =>
  twelveNumbers(evaluateDetections(truth, detections, { asPycocotools }));

/** Boxes on a coarse grid, so that scores and overlaps are often equal. */
function randomCase(seed: number): { truth: Truth; detections: Detection[] } {
  const random = new RandomStream('coco').split(`${seed}`);
  const pick = <T>(values: readonly T[]): T => values[random.integer(values.length)]!;
  const categories = pick([1, 2, 4]);
  const grid = pick([1, 8, 32]);
  const side = () => grid * (1 + random.integer(Math.max(1, Math.floor(pick([30, 100, 220]) / grid))));
  const at = () => grid * random.integer(Math.floor(320 / grid));
  const box = () => ({ x: at(), y: at(), width: side(), height: side() });
  let id = random.integer(2);
  const pictures = Array.from({ length: pick([1, 3, 6]) }, () => ({
    boxes: Array.from({ length: pick([0, 2, 7]) }, (): TruthBox => {
      const own = box();
      const area = pick([own.width * own.height, 0.6 * own.width * own.height, 1024, 9216]);
      return { ...own, area, id: id++, category: random.integer(categories), crowd: random.uniform() < 0.15 };
    }),
  }));
  const detections = pictures.flatMap(({ boxes }, picture) => {
    const near = boxes.flatMap(({ id: _, area: __, crowd: ___, ...own }) =>
      Array.from({ length: pick([0, 1, 3]) }, () => ({
        ...own,
        x: own.x + grid * pick([0, 0, 1, -1]),
        height: own.height + pick([0, 0, grid]),
      })),
    );
    const far = Array.from({ length: pick([0, 4, 130]) }, () => ({ ...box(), category: random.integer(categories) }));
    return [...near, ...far].map(
      (own): Detection => ({ ...own, picture, score: random.integer(pick([5, 1000])) / 1000 }),
    );
  });
  return { truth: { categories: Array(categories).fill('thing'), pictures }, detections };
}

test('300 random inputs have the numbers of a second, plain implementation', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { truth, detections } = randomCase(seed);
    const idZero = seed % 2 === 1;
    const [got, expected] = [numbers(truth, detections, idZero), plainNumbers(truth, detections, idZero)];
    for (const [name, value] of Object.entries(got))
      assert.ok(
        Math.abs(value - expected[name]!) < 1e-12,
        `seed ${seed}, ${name}: ${value}, plainly ${expected[name]}`,
      );
  }
});

test('a perfect detector has 1 everywhere, and -1 where there is no object', () => {
  const { APs, ARs, APl, ARl, ...others } = numbers(onePicture(object(10, 10, 50, 50)), [found(10, 10, 50, 50)]);
  assert.deepEqual([APs, ARs, APl, ARl], [-1, -1, -1, -1]);
  // one detection: 1 / (1 + 2^-52), as numpy's spacing(1) makes it
  for (const [name, value] of Object.entries(others)) assert.ok(Math.abs(value - 1) < 1e-15, name);
});

test('without detections all is 0, without objects all is -1', () => {
  const none = numbers(onePicture(object(0, 0, 50, 50)), []);
  assert.deepEqual([none.AP, none.AR100, none.APm, none.APl], [0, 0, 0, -1]);
  assert.deepEqual(new Set(Object.values(numbers(onePicture(), [found(0, 0, 9, 9)]))), new Set([-1]));
});

test('an overlap of two boxes has no extra pixel, and with a crowd is a share of the detection', () => {
  assert.equal(overlapWith(found(0, 0, 10, 10), object(5, 0, 10, 10)), 50 / 150);
  assert.equal(overlapWith(found(0, 0, 10, 10), object(0, 0, 100, 100, { crowd: true })), 1);
  assert.equal(overlapWith(found(0, 0, 10, 10), object(10, 0, 10, 10)), 0);
});

test('32² pixels are small and medium, 96² are medium and large', () => {
  const of = (area: number) => {
    const { APs, APm, APl } = numbers(onePicture(object(0, 0, 200, 200, { area })), [found(0, 0, 200, 200)]);
    return [APs, APm, APl].map(Math.round);
  };
  assert.deepEqual(of(1024), [1, 1, -1]);
  assert.deepEqual(of(9216), [-1, 1, 1]);
  assert.deepEqual(of(1025), [-1, 1, -1]);
});

test('of two objects with equal overlaps the later one is found', () => {
  const truth = onePicture(object(0, 0, 10, 10, { id: 1 }), object(0, 0, 10, 10, { id: 2 }));
  const { foundBy } = evaluateDetections(truth, [found(0, 0, 10, 10)]);
  assert.deepEqual([...foundBy[0]!], [-1, 0]);
});

test('a second detection of an object is wrong, and any number in a crowd is ignored', () => {
  const twice = [found(0, 0, 10, 10, 0.9), found(0, 0, 10, 10, 0.8)];
  assert.deepEqual(evaluateDetections(onePicture(object(0, 0, 10, 10)), twice).outcomes, ['right', 'wrong']);
  const crowd = onePicture(object(0, 0, 100, 100, { crowd: true }));
  assert.deepEqual(evaluateDetections(crowd, twice).outcomes, ['ignored', 'ignored']);
});

test('only the best 100 of a picture and class count', () => {
  const far = Array.from({ length: 100 }, () => found(200, 200, 10, 10, 0.9));
  const late = evaluateDetections(onePicture(object(0, 0, 10, 10)), [...far, found(0, 0, 10, 10, 0.1)]);
  assert.equal(late.outcomes.at(-1), 'beyond-limit');
  assert.equal(twelveNumbers(late).AR100, 0);
});

test('who finds the object with id 0 is right, and wrong as pycocotools counts', () => {
  const truth = onePicture(object(0, 0, 50, 50, { id: 0 }), object(100, 0, 50, 50, { id: 1 }));
  const detections = [found(0, 0, 50, 50, 0.9), found(100, 0, 50, 50, 0.8)];
  assert.equal(Math.round(numbers(truth, detections).AP), 1);
  // The second of two detections is right: precision 1/2 up to a recall of 1/2, 51 of 101 points
  assert.ok(Math.abs(numbers(truth, detections, true).AP - (0.5 * 51) / 101) < 1e-12);
});

test('equal scores count in the order of pictures, then of the file', () => {
  const truth: Truth = { categories: ['thing'], pictures: [{ boxes: [] }, { boxes: [object(0, 0, 50, 50)] }] };
  const right = found(0, 0, 50, 50, 0.5, { picture: 1 });
  const wrong = found(0, 0, 50, 50, 0.5, { picture: 0 });
  assert.equal(Math.round(100 * averagePrecision(evaluateDetections(truth, [right, wrong]))), 50);
  const same = { ...wrong, picture: 1, x: 300 };
  assert.equal(Math.round(100 * averagePrecision(evaluateDetections(truth, [right, same]))), 100);
  assert.equal(Math.round(100 * averagePrecision(evaluateDetections(truth, [same, right]))), 50);
});

test('the working point is the score with the largest F1, and the worst picture has most errors', () => {
  const truth: Truth = {
    categories: ['thing'],
    pictures: [{ boxes: [object(0, 0, 50, 50)] }, { boxes: [object(0, 0, 50, 50), object(100, 0, 50, 50)] }],
  };
  const detections = [
    found(0, 0, 50, 50, 0.9),
    found(0, 0, 50, 50, 0.6, { picture: 1 }),
    found(300, 0, 50, 50, 0.5, { picture: 1 }),
    found(300, 0, 50, 50, 0.4),
  ];
  const evaluation = evaluateDetections(truth, detections);
  const point = workingPoint(detections, evaluation);
  assert.deepEqual(point, { score: 0.6, right: 2, wrong: 0, missed: 1 });
  assert.deepEqual(pictureErrors(truth, detections, evaluation, point.score), [
    { picture: 1, missed: [1], wrong: [], right: [1] },
  ]);
});
