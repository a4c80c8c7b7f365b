import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import type { Detection } from '../../src/coco/box.ts';
import { evaluateDetections } from '../../src/coco/coco-evaluation.ts';
import { detectionFindings, type EvaluatedDataset } from '../../src/detection-report/detection-findings.ts';
import { renderDetectionPage } from '../../src/detection-report/detection-page.ts';
import { drawWorst } from '../../src/detection-report/worst-pictures.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { writePicture } from '../detection-data/made.ts';

const box = (x: number, category = 0) => ({ x, y: 10, width: 20, height: 20, category });
const object = (x: number, category = 0) => ({ ...box(x, category), area: 400, crowd: false, id: x });

const detections: Detection[] = [
  { ...box(10), picture: 0, score: 0.9 },
  { ...box(60), picture: 0, score: 0.8 },
  { ...box(10, 1), picture: 1, score: 0.7 },
];

/** Two pictures: in the first one object is found, and one detection is wrong; in the second one of two is missed. */
const dataset = (path?: string): EvaluatedDataset => ({
  categories: [
    { id: 1, name: '<b>cat</b>' },
    { id: 2, name: 'dog' },
    { id: 3, name: 'cow' },
  ],
  pictures: [
    { name: 'a.png', path, width: 100, height: 80, boxes: [object(10)] },
    { name: 'b.png', boxes: [object(10, 1), object(70, 1)] },
  ],
});

async function pageOf(truth: EvaluatedDataset) {
  const evaluation = evaluateDetections(truth, detections);
  const findings = detectionFindings(truth, detections, evaluation);
  const worst = await drawWorst(truth, detections, findings, 5);
  const page = { title: 'A test', command: 'nasnet', findings, evaluation, notes: ['a <note>'], worst };
  const html = renderDetectionPage(page);
  return { html, document: parseHTML(html).document, worst, findings };
}

test('the page has the numbers, a row for each class that occurs, and nothing of a name is markup', async () => {
  const { html, document, findings } = await pageOf(dataset());
  const rows = [...document.querySelectorAll('section:nth-of-type(3) tbody tr')].map(
    (row) => row.querySelector('td')!.textContent,
  );
  assert.deepEqual(rows.toSorted(), ['<b>cat</b>', 'dog']);
  assert.equal(document.querySelector('b'), null);
  assert.match(html, /3 detections on 2 pictures with 3 objects/);
  // cat: right before wrong, 1; dog: one of two, 51 of 101 recalls
  assert.ok(Math.abs(findings.numbers.AP - (1 + 51 / 101) / 2) < 1e-9);
  assert.deepEqual(
    findings.classes.map(({ objects, detections }) => [objects, detections]),
    [
      [1, 2],
      [2, 1],
      [0, 0],
    ],
  );
});

test('a mean curve falls from 1 to the recall that each class reaches', async () => {
  const { findings } = await pageOf(dataset());
  const { precisions } = findings.curves[0]!;
  assert.deepEqual(
    [0, 50, 51, 100].map((point) => Math.round(100 * precisions[point]!)),
    [100, 100, 50, 50],
  );
});

test('pictures are drawn over themselves, and on a plain ground where they are absent', async (context) => {
  const path = await writePicture(join(temporaryFolder(context), 'a.png'), 100, 80);
  const { worst, document } = await pageOf(dataset(path));
  assert.deepEqual(
    worst.map(({ title, width, height, boxes }) => [title, width, height, boxes.map(({ kind, x }) => `${kind} ${x}`)]),
    [
      ['a.png: 0 missed, 1 wrong', 100, 80, ['right 10', 'wrong 60']],
      ['b.png: 1 missed, 0 wrong', 90, 30, ['right 10', 'missed 70']],
    ],
  );
  const images = [...document.querySelectorAll('image')].map((image) => image.getAttribute('href')!.slice(0, 22));
  assert.deepEqual(images, ['data:image/jpeg;base64']);
  assert.equal(document.querySelectorAll('rect.empty').length, 1);
});

test('without an object or a detection there is a page, too', () => {
  const truth = { categories: [{ id: 1, name: 'cat' }], pictures: [{ name: 'a', boxes: [] }] };
  const evaluation = evaluateDetections(truth, []);
  const findings = detectionFindings(truth, [], evaluation);
  const html = renderDetectionPage({ title: 'none', command: '', findings, evaluation, notes: [], worst: [] });
  assert.match(html, /There is no object to find/);
  assert.match(html, /AP –, AP50 –/);
});
