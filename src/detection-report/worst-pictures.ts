// Draws the pictures with most errors of an evaluation.

import type { Detection } from '../coco/box.ts';
import type { PictureErrors } from '../coco/working-point.ts';
import { whole } from '../words.ts';
import type { DetectionFindings, EvaluatedDataset } from './detection-findings.ts';
import type { DrawnBox, DrawnPicture } from './drawn-picture.ts';

const side = 720; // pixels of the picture in the page

/** Returns the first `most` pictures with errors, with the pictures themselves where they can be read. */
export async function drawWorst(
  dataset: EvaluatedDataset,
  detections: readonly Detection[],
  { errors }: DetectionFindings,
  most: number,
): Promise<DrawnPicture[]> {
  const drawn: DrawnPicture[] = [];
  for (const each of errors.slice(0, most)) {
    const { name, path, width, height } = dataset.pictures[each.picture]!;
    const boxes = boxesOf(dataset, detections, each);
    const read = path === undefined ? undefined : await readSmall(path);
    const reach = (ends: readonly number[]) => Math.ceil(Math.max(1, ...ends)); // a size where none is known
    drawn.push({
      title: `${name}: ${whole(each.missed.length)} missed, ${whole(each.wrong.length)} wrong`,
      width: width ?? read?.width ?? reach(boxes.map((box) => box.x + box.width)),
      height: height ?? read?.height ?? reach(boxes.map((box) => box.y + box.height)),
      image: read?.image,
      boxes,
    });
  }
  return drawn;
}

function boxesOf(
  { categories, pictures }: EvaluatedDataset,
  detections: readonly Detection[],
  { picture, missed, wrong, right }: PictureErrors,
): DrawnBox[] {
  const shown = (places: readonly number[], kind: 'wrong' | 'right') =>
    places.map((place): DrawnBox => {
      const { category, score, ...box } = detections[place]!;
      return { ...box, kind, label: `${categories[category]!.name} ${score.toFixed(2)}` };
    });
  const missing = missed.map((place): DrawnBox => {
    const { category, ...box } = pictures[picture]!.boxes[place]!;
    return { ...box, kind: 'missed', label: categories[category]!.name };
  });
  return [...shown(right, 'right'), ...shown(wrong, 'wrong'), ...missing];
}

/** Returns a picture upright as a data URI, and its size; undefined if it cannot be read. */
async function readSmall(path: string): Promise<{ image: string; width: number; height: number } | undefined> {
  const { default: sharp } = await import('sharp');
  try {
    const { autoOrient } = await sharp(path).metadata();
    const fitting = { width: side, height: side, fit: 'inside', withoutEnlargement: true } as const;
    const bytes = await sharp(path)
      .autoOrient()
      .resize(fitting)
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: 78 })
      .toBuffer();
    return { ...autoOrient, image: `data:image/jpeg;base64,${bytes.toString('base64')}` };
  } catch {
    return undefined;
  }
}
