// COCO's evaluation at the size of val2017: 5,000 pictures, 80 classes, 36,000 boxes, 500,000 detections; reading the
// two files and evaluating them. `node bench/coco-evaluation.ts`

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateDetections } from '../src/coco/coco-evaluation.ts';
import { twelveNumbers } from '../src/coco/twelve-numbers.ts';
import { readCocoFile } from '../src/detection-data/coco-file.ts';
import { readDetectionsFile } from '../src/detection-data/detections-file.ts';
import { Faults } from '../src/detection-data/faults.ts';
import { RandomStream } from '../src/random/stream.ts';
import { whole } from '../src/words.ts';

const sizes = { pictures: 5000, classes: 80, boxes: 36_000, detections: 500_000 };
const folder = mkdtempSync(join(tmpdir(), 'nasnet-coco-'));
try {
  const [truthFile, detectionsFile] = writeFiles();
  console.log(`${whole(statSync(detectionsFile).size / 1e6)} MB of detections`);
  measure(truthFile, detectionsFile);
} finally {
  rmSync(folder, { recursive: true });
}

function measure(truthFile: string, detectionsFile: string): void {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const truth = readCocoFile(truthFile, new Faults());
  const { detections } = readDetectionsFile(detectionsFile, truth);
  const read = performance.now();
  const { AP, AR100 } = twelveNumbers(evaluateDetections(truth, detections));
  const end = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2);
  console.log(`AP ${AP.toFixed(4)}, AR100 ${AR100.toFixed(4)}`);
  console.log(`reading ${seconds(read - start)} s, evaluating ${seconds(end - read)} s`);
  console.log(
    `${seconds((user + system) / 1000)} s of CPU time, at most ${whole(process.resourceUsage().maxRSS / 1024)} MB`,
  );
}

/** Writes truth and detections: some near a box, the others anywhere, as detectors with a low score threshold have. */
function writeFiles(): [truth: string, detections: string] {
  const random = new RandomStream('bench').split('coco');
  const between = (low: number, high: number) => Math.round(100 * (low + (high - low) * random.uniform())) / 100;
  const box = () => [between(0, 500), between(0, 350), between(5, 140), between(5, 130)];
  const annotations = Array.from({ length: sizes.boxes }, (_, id) => {
    const bbox = box();
    const [image_id, category_id] = [1 + random.integer(sizes.pictures), 1 + random.integer(sizes.classes)];
    return { id: id + 1, image_id, category_id, bbox, area: bbox[2]! * bbox[3]! * 0.7, iscrowd: id % 90 === 0 ? 1 : 0 };
  });
  const detections = Array.from({ length: sizes.detections }, (_, place) => {
    const near = annotations[random.integer(annotations.length)]!;
    const { image_id, category_id } = near;
    if (place % 3 > 0) return { image_id, category_id, bbox: box(), score: between(0, 0.6) };
    return { image_id, category_id, bbox: near.bbox.map((side) => side + between(-6, 6)), score: between(0, 1) };
  });
  const images = Array.from({ length: sizes.pictures }, (_, place) => ({
    id: place + 1,
    file_name: `${place + 1}.jpg`,
    width: 640,
    height: 480,
  }));
  const categories = Array.from({ length: sizes.classes }, (_, place) => ({
    id: place + 1,
    name: `class ${place + 1}`,
  }));
  const files: [string, string] = [join(folder, 'truth.json'), join(folder, 'detections.json')];
  writeFileSync(files[0], JSON.stringify({ images, categories, annotations }));
  writeFileSync(files[1], JSON.stringify(detections));
  return files;
}
