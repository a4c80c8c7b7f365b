// Reads COCO's JSON: images, categories and annotations, in any order within the file.

import { basename, dirname, resolve } from 'node:path';
import { shown } from '../checked.ts';
import type { Box } from '../coco/box.ts';
import { partOf } from '../data/folder-names.ts';
import { InputError } from '../failure.ts';
import type { Category } from './detection-dataset.ts';
import type { Faults } from './faults.ts';
import { readJsonLists } from './json-lists.ts';
import { boxOfSegmentation } from './outline-box.ts';
import type { RawBox, RawPart, RawPicture } from './raw-part.ts';

/** An id as files have it. */
export type Id = number | string;

export interface CocoFile extends RawPart {
  /** Places of pictures and categories by the ids that the file states. */
  picturePlaces: Map<Id, number>;
  categoryPlaces: Map<Id, number>;
}

export interface CocoOptions {
  /**
   * Reads as pycocotools does: of annotations with one id the last counts, once for each; ids of other types are
   * different ids; annotations of unlisted pictures and categories count nowhere.
   */
  asPycocotools?: boolean;
}

interface Annotation extends RawBox {
  image: Id;
  categoryId: Id;
  ownId: Id;
}

type Fields = Record<string, unknown>;

/** Reads the file; paths of pictures are not looked for. @throws InputError if it is not a COCO file */
export function readCocoFile(path: string, faults: Faults, { asPycocotools = false }: CocoOptions = {}): CocoFile {
  const images: Fields[] = [];
  const listed: Fields[] = [];
  const annotations: Annotation[] = [];
  const seen = new Set<string>();
  for (const part of readJsonLists(path, 'COCO annotations')) {
    const name = part.kind === 'entry' ? part.key : part.list;
    seen.add(name);
    if (part.kind === 'entry') {
      if (lists.includes(name) && !Array.isArray(part.value))
        throw new InputError(`${path}: ${name}: expected a list, got ${shown(part.value)}`);
      continue;
    }
    for (const [place, element] of part.elements.entries()) {
      const fields = () => fieldsOf(path, `${name}[${part.first + place}]`, element);
      if (name === 'images') images.push(fields());
      else if (name === 'categories') listed.push(fields());
      else if (name === 'annotations') {
        const annotation = annotationOf(path, fields(), part.first + place, faults, asPycocotools);
        if (annotation) annotations.push(annotation);
      } else if (name === '') throw notCoco(path, 'a list');
    }
  }
  for (const name of ['images', 'annotations', 'categories']) if (!seen.has(name)) throw notCoco(path, `no "${name}"`);
  const { categories, places: categoryPlaces } = categoriesOf(path, listed, faults);
  const { pictures, places: picturePlaces } = picturesOf(path, images, faults);
  const file: CocoFile = {
    name: cocoPartName(path),
    categories,
    pictures,
    boxes: 'pixels',
    picturePlaces,
    categoryPlaces,
  };
  if (asPycocotools) distributeAsPycocotools(path, file, annotations, faults);
  else distribute(path, file, annotations, faults);
  return file;
}

const lists = ['images', 'annotations', 'categories'];

const notCoco = (path: string, got: string) =>
  new InputError(`${path}: expected COCO annotations, an object with images, annotations and categories, got ${got}`);

function fieldsOf(path: string, place: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new InputError(`${path}: ${place}: expected an object, got ${shown(value)}`);
}

/** Returns the name of a part: "instances_train2017.json" is of train2017, "valid/_annotations.coco.json" of valid. */
export function cocoPartName(path: string): string {
  const stem = basename(path).replace(/\.json$/i, '');
  const own = stem.replace(/^(?:instances|_annotations\.coco|annotations)_?/, '');
  const folder = basename(dirname(resolve(path)));
  return own || (partOf(folder) ? folder : 'train');
}

/** Returns an annotation; undefined, with a fault, if it holds no box. */
function annotationOf(
  path: string,
  fields: Fields,
  place: number,
  faults: Faults,
  asPycocotools: boolean,
): Annotation | undefined {
  const { id, image_id: image, category_id: categoryId, iscrowd, area, segmentation } = fields;
  const where = () => `${path}, annotation ${id === undefined ? `${place} of the list` : shown(id)}`;
  const box = boxOf(fields, where, faults);
  if (!box) {
    if (asPycocotools)
      throw new InputError(`${where()}: expected bbox, four finite numbers, got ${shown(fields.bbox)}`);
    faults.add('not-a-box', () => `${where()}: bbox is ${shown(fields.bbox)}`);
    return undefined;
  }
  if (!isId(image) || !isId(categoryId))
    throw new InputError(`${where()}: expected image_id and category_id, got ${shown(image)} and ${shown(categoryId)}`);
  if (!isId(id)) faults.add('missing-id', where);
  if (hasOutline(segmentation)) faults.add('polygons', where);
  if (iscrowd === undefined || iscrowd === null) faults.add('missing-iscrowd', where);
  if (area === undefined || area === null) faults.add('missing-area', where);
  else if (typeof area !== 'number') throw new InputError(`${where()}: expected area, a number, got ${shown(area)}`);
  const crowd = isTrue(iscrowd);
  if (crowd) faults.add('crowds', where);
  return {
    ...box,
    category: -1,
    crowd,
    area: typeof area === 'number' ? area : box.width * box.height,
    id: place + 1,
    ...(isTrue(fields.difficult) && { difficult: true as const }),
    image,
    categoryId,
    ownId: isId(id) ? id : `place ${place}`,
  };
}

const isTrue = (value: unknown): boolean =>
  value === true || (typeof value === 'number' && value !== 0) || value === '1';
export const isId = (value: unknown): value is Id =>
  typeof value === 'number' || (typeof value === 'string' && value !== '');
const hasOutline = (outline: unknown): boolean =>
  Array.isArray(outline) ? outline.length > 0 : typeof outline === 'object' && outline !== null;

function boxOf({ bbox, segmentation }: Fields, where: () => string, faults: Faults): Box | undefined {
  if (Array.isArray(bbox) && bbox.length === 4 && bbox.every(Number.isFinite)) {
    const [x, y, width, height] = bbox as [number, number, number, number];
    return { x, y, width, height };
  }
  if (bbox !== undefined && bbox !== null && !(Array.isArray(bbox) && bbox.length === 0)) return undefined;
  const box = boxOfSegmentation(segmentation);
  if (box) faults.add('box-of-polygon', where);
  return box;
}

/** Returns the number that a text is; undefined for other text. */
const numberOf = (id: Id): number | undefined =>
  typeof id === 'number' ? id : /^-?\d{1,15}$/.test(id.trim()) ? Number(id) : undefined;

function categoriesOf(path: string, listed: Fields[], faults: Faults) {
  const categories: Category[] = [];
  const places = new Map<Id, number>();
  for (const [place, { id, name }] of listed.entries()) {
    const where = () => `${path}, categories[${place}]: id ${shown(id)}, name ${shown(name)}`;
    if (!isId(id)) throw new InputError(`${where()}: expected an id`);
    const title = typeof name === 'string' ? name : `class ${id}`;
    if (typeof name !== 'string') faults.add('no-class-names', where);
    if (typeof id === 'string') faults.add('text-ids', where);
    if (id === 0) faults.add('ids-from-0', where);
    if (places.has(id)) {
      if (categories[places.get(id)!]!.name !== title) faults.add('doubled-class', where);
      continue;
    }
    if (categories.some((other) => other.name === title)) faults.add('doubled-name', where);
    places.set(id, categories.length);
    categories.push({ id: numberOf(id) ?? place + 1, name: title });
  }
  const ids = categories.map(({ id }) => id).sort((one, other) => one - other);
  const gap = ids.findIndex((id, place) => place > 0 && id !== ids[place - 1]! + 1);
  if (gap > 0)
    faults.add('gaps-in-ids', () => `${path}: ${ids[gap]} follows ${ids[gap - 1]}, of ${ids.length} classes`);
  return { categories, places };
}

/** Returns the pictures in ascending order of their ids. */
function picturesOf(path: string, images: Fields[], faults: Faults) {
  const byId = new Map<Id, RawPicture>();
  for (const [place, { id, file_name: name, width, height }] of images.entries()) {
    const where = () => `${path}, images[${place}]: id ${shown(id)}, file_name ${shown(name)}`;
    if (!isId(id)) throw new InputError(`${where()}: expected an id`);
    if (typeof id === 'string') faults.add('text-ids', where);
    if (id === 0) faults.add('ids-from-0', where);
    const title = typeof name === 'string' ? name : String(id);
    const other = byId.get(id);
    if (other) {
      if (other.name !== title) faults.add('doubled-picture', where);
      continue;
    }
    byId.set(id, {
      name: title,
      path: undefined,
      id: numberOf(id),
      width: sideOf(width),
      height: sideOf(height),
      file: path,
      boxes: [],
    });
  }
  const sorted = [...byId].sort(([one], [other]) => compareIds(one, other));
  const places = new Map(sorted.map(([id], place) => [id, place]));
  return { pictures: sorted.map(([, picture]) => picture), places };
}

const compareIds = (one: Id, other: Id): number => {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one) < String(other) ? -1 : 1;
};

const sideOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;

/** Returns the place of an id, also of one that the list has as a number and the annotation as text, or the reverse. */
export function placeOfId(places: ReadonlyMap<Id, number>, id: Id, onText: () => void): number | undefined {
  const exact = places.get(id);
  if (exact !== undefined) return exact;
  const other = typeof id === 'string' ? numberOf(id) : typeof id === 'number' ? String(id) : undefined;
  const place = other === undefined ? undefined : places.get(other);
  if (place !== undefined) onText();
  return place;
}

/** Gives every annotation to its picture, in the order of the file. */
function distribute(path: string, file: CocoFile, annotations: Annotation[], faults: Faults): void {
  const ids = new Set<number>();
  let next = annotations.reduce((most, { ownId }) => Math.max(most, numberOf(ownId) ?? 0), annotations.length) + 1;
  let crowds = 0;
  for (const { image, categoryId, ownId, ...box } of annotations) {
    const where = () => `${path}, annotation ${shown(ownId)}`;
    const text = () => faults.add('text-ids', where);
    const picture = placeOfId(file.picturePlaces, image, text);
    const category = placeOfId(file.categoryPlaces, categoryId, text);
    if (picture === undefined) faults.add('unknown-picture', () => `${where()}: image_id ${shown(image)}`);
    if (category === undefined) faults.add('unknown-class', () => `${where()}: category_id ${shown(categoryId)}`);
    if (picture === undefined || category === undefined) continue;
    const id = numberOf(ownId);
    if (id === 0) faults.add('ids-from-0', where);
    const doubled = id !== undefined && ids.has(id);
    if (doubled) faults.add('doubled-ids', where);
    box.id = id === undefined || doubled ? next++ : id;
    ids.add(box.id);
    box.category = category;
    if (box.crowd) crowds++;
    file.pictures[picture]!.boxes.push(box);
  }
  if (crowds > 0 && crowds === annotations.length) faults.add('all-crowds', () => path);
}

/**
 * Gives annotations to pictures as pycocotools does: it lists those of each picture, and then takes for each the last
 * one of the file with that id.
 */
function distributeAsPycocotools(path: string, file: CocoFile, annotations: Annotation[], faults: Faults): void {
  const lastOf = new Map(annotations.map((annotation) => [annotation.ownId, annotation]));
  const byPicture = Map.groupBy(annotations, ({ image }) => file.picturePlaces.get(image) ?? -1);
  for (const { image, categoryId, ownId } of annotations) {
    const where = () => `${path}, annotation ${shown(ownId)}`;
    if (!file.picturePlaces.has(image)) faults.add('unknown-picture', () => `${where()}: image_id ${shown(image)}`);
    if (!file.categoryPlaces.has(categoryId))
      faults.add('unknown-class', () => `${where()}: category_id ${shown(categoryId)}`);
  }
  for (let place = 0; place < file.pictures.length; place++) {
    for (const { categoryId, ownId } of byPicture.get(place) ?? []) {
      if (!file.categoryPlaces.has(categoryId)) continue;
      const { image, categoryId: lastCategory, ownId: _, ...box } = lastOf.get(ownId)!;
      const [picture, category] = [file.picturePlaces.get(image), file.categoryPlaces.get(lastCategory)];
      if (picture === undefined || category === undefined) continue;
      const id = typeof ownId === 'number' ? ownId : box.id;
      file.pictures[picture]!.boxes.push({ ...box, category, id });
    }
  }
}
