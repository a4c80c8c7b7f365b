// Against pycocotools: five cases with ten digits, and twelve small ones with what it is known to do wrong, computed
// with pycocotools 2.0.11 and numpy 2.4.6.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { evaluateDetections } from '../../src/coco/coco-evaluation.ts';
import { type TwelveNumbers, twelveNumbers } from '../../src/coco/twelve-numbers.ts';
import { readCocoFile } from '../../src/detection-data/coco-file.ts';
import { readDetectionsFile } from '../../src/detection-data/detections-file.ts';
import { Faults } from '../../src/detection-data/faults.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { type Case, fromJson } from './from-json.ts';

const read = <T>(name: string): T => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as T;

function agree(got: TwelveNumbers, expected: Record<string, number>, within: number): void {
  assert.deepEqual(Object.keys(got), Object.keys(expected));
  for (const [name, value] of Object.entries(got))
    assert.ok(Math.abs(value - expected[name]!) <= within, `${name}: ${value}, pycocotools ${expected[name]}`);
}

for (const file of readdirSync(join(import.meta.dirname, 'cases'))) {
  test(`${file} has the twelve numbers of pycocotools`, () => {
    const each = read<Case>(`cases/${file}`);
    const { truth, detections } = fromJson(each);
    agree(twelveNumbers(evaluateDetections(truth, detections)), each.expected, 1e-9);
    agree(twelveNumbers(evaluateDetections(truth, detections, { asPycocotools: true })), each.expected, 1e-9);
  });
}

for (const { name, ...each } of read<(Case & { name: string })[]>('quirks.json')) {
  test(`${name}: as pycocotools computes it`, (context) => {
    const folder = temporaryFolder(context);
    const [truthFile, detectionsFile] = [join(folder, 'gt.json'), join(folder, 'dt.json')];
    writeFileSync(truthFile, JSON.stringify(each.groundTruth));
    writeFileSync(detectionsFile, JSON.stringify(each.detections));
    const options = { asPycocotools: true };
    const truth = readCocoFile(truthFile, new Faults(), options);
    const { detections } = readDetectionsFile(detectionsFile, truth, options);
    agree(twelveNumbers(evaluateDetections(truth, detections, options)), each.expected, 1e-12);
  });
}
