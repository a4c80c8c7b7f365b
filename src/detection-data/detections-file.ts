// Reads a file of detections in COCO's form: a list of { image_id, category_id, bbox: [x, y, width, height], score }.

import { shown } from '../checked.ts';
import type { Detection } from '../coco/box.ts';
import { InputError } from '../failure.ts';
import { type CocoFile, type CocoOptions, type Id, isId, placeOfId } from './coco-file.ts';
import { readJsonLists } from './json-lists.ts';

export interface DetectionsFile {
  detections: Detection[];
  /** Detections of categories that the truth does not list, by id; they count nowhere. */
  unknownCategories: Map<Id, number>;
}

/**
 * Reads the detections of pictures of the truth, in the order of the file.
 * @throws InputError about the first that has no box, no score or a picture that the truth does not list
 */
export function readDetectionsFile(
  path: string,
  { picturePlaces, categoryPlaces }: Pick<CocoFile, 'picturePlaces' | 'categoryPlaces'>,
  { asPycocotools = false }: CocoOptions = {},
): DetectionsFile {
  const placeOf = (places: ReadonlyMap<Id, number>, id: unknown) =>
    asPycocotools ? places.get(id as Id) : placeOfId(places, id as Id, () => {});
  const detections: Detection[] = [];
  const unknownCategories = new Map<Id, number>();
  for (const part of readJsonLists(path, 'detections')) {
    if (part.kind === 'entry' && part.key === '') continue; // an empty list
    if (part.kind === 'entry' || part.list !== '') throw notDetections(path);
    for (const [place, element] of part.elements.entries()) {
      const where = `${path}: detection ${part.first + place}`;
      const { image_id: image, category_id: category, ...fields } = fieldsOf(where, element);
      const [x, y, width, height] = boxOf(where, fields.bbox);
      const score = fields.score;
      if (typeof score !== 'number' || !Number.isFinite(score))
        throw new InputError(`${where}: expected score, a finite number, got ${shown(score)}`);
      if (!isId(category)) throw new InputError(`${where}: expected category_id, got ${shown(category)}`);
      const picture = placeOf(picturePlaces, image);
      if (picture === undefined)
        throw new InputError(`${where}: expected image_id, a picture that the ground truth lists, got ${shown(image)}`);
      const categoryPlace = placeOf(categoryPlaces, category);
      if (categoryPlace === undefined) unknownCategories.set(category, (unknownCategories.get(category) ?? 0) + 1);
      else detections.push({ picture, category: categoryPlace, score, x, y, width, height });
    }
  }
  return { detections, unknownCategories };
}

const notDetections = (path: string) =>
  new InputError(`${path}: expected a list of detections, got an object (the ground truth in place of detections?)`);

function fieldsOf(where: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InputError(`${where}: expected an object with image_id, category_id, bbox and score, got ${shown(value)}`);
}

function boxOf(where: string, bbox: unknown): [number, number, number, number] {
  if (Array.isArray(bbox) && bbox.length === 4 && bbox.every(Number.isFinite))
    return bbox as [number, number, number, number];
  throw new InputError(`${where}: expected bbox, four finite numbers x, y, width, height, got ${shown(bbox)}`);
}
