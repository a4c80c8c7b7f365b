// Reads a file of detections: a list of { image_id, category_id, bbox: [x, y, width, height], score } as COCO has it,
// or the detections.json of `nasnet detect run`, which names picture files and categories.

import { shown } from '../checked.ts';
import type { Detection } from '../coco/box.ts';
import { InputError } from '../failure.ts';
import { type CocoOptions, type Id, isId, placeOfId } from './coco-file.ts';
import type { DetectionDataset } from './detection-dataset.ts';
import { readJsonLists } from './json-lists.ts';
import { pictureByName } from './picture-by-name.ts';

export interface DetectionsFile {
  detections: Detection[];
  /** Detections of categories that the truth does not list, by id or name; they count nowhere. */
  unknownCategories: Map<Id, number>;
  /** Further facts in a file of `nasnet detect run`. */
  run?: { leastScore?: number; pictures: number };
}

/** The pictures and categories that detections may name. */
export interface DetectionTargets {
  pictures: readonly { name: string }[];
  categories: readonly { name: string }[];
  /** Their places by the ids of the truth. */
  picturePlaces: ReadonlyMap<Id, number>;
  categoryPlaces: ReadonlyMap<Id, number>;
  /** The truth has no ids of its own: pictures go by the names of their files, categories by theirs. */
  byName?: boolean;
}

/**
 * Returns the targets of a VOC or YOLO dataset. Numbers are ids of pictures only where the files have numbers as names.
 */
export function targetsByName({ pictures, categories }: DetectionDataset): DetectionTargets {
  const numbered = pictures.every(({ name, id }) => new RegExp(`(?:^|/)0*${id}(?:\\.\\w+)?$`).test(name));
  return {
    pictures,
    categories,
    picturePlaces: new Map(numbered ? pictures.map(({ id }, place) => [id, place]) : []),
    categoryPlaces: new Map(categories.map(({ name }, place) => [name, place])),
    byName: true,
  };
}

/**
 * Reads the detections of pictures of the truth, in the order of the file.
 * @throws InputError about the first that has no box, no score or a picture that the truth does not list
 */
export function readDetectionsFile(path: string, targets: DetectionTargets, options: CocoOptions = {}): DetectionsFile {
  const reader = new DetectionsReader(path, targets, options);
  for (const part of readJsonLists(path, 'detections')) {
    if (part.kind === 'entry') reader.entry(part.key, part.value);
    else if (part.list === '') reader.detections(part.elements, part.first);
    else if (part.list === 'pictures') reader.pictures(part.elements, part.first);
    else if (part.list !== 'unreadable') throw notDetections(path);
  }
  return reader.result();
}

class DetectionsReader {
  readonly #path: string;
  readonly #targets: DetectionTargets;
  readonly #asPycocotools: boolean;
  readonly #byName: (file: string) => number[];
  readonly #filesOf = new Map<number, string>(); // of a run, by the place of the picture
  readonly #file: DetectionsFile = { detections: [], unknownCategories: new Map() };
  #isObject = false;
  #leastScore: number | undefined;

  constructor(path: string, targets: DetectionTargets, { asPycocotools = false }: CocoOptions) {
    this.#path = path;
    this.#targets = targets;
    this.#asPycocotools = asPycocotools;
    this.#byName = pictureByName(targets.pictures);
  }

  entry(key: string, value: unknown): void {
    if (key === '') return; // an empty list
    this.#isObject = true;
    if (key === 'leastScore' && typeof value === 'number') this.#leastScore = value;
  }

  result(): DetectionsFile {
    if (this.#filesOf.size > 0) {
      const pictures = this.#filesOf.size;
      this.#file.run = { pictures, ...(this.#leastScore !== undefined && { leastScore: this.#leastScore }) };
    } else if (this.#isObject) throw notDetections(this.#path);
    return this.#file;
  }

  detections(elements: readonly unknown[], first: number): void {
    for (const [place, element] of elements.entries()) {
      const where = `${this.#path}: detection ${first + place}`;
      const { image_id: image, category_id: category, ...fields } = fieldsOf(where, element, listFields);
      const box = { ...boxOf(where, fields.bbox), score: scoreOf(where, fields.score) };
      if (!isId(category)) throw new InputError(`${where}: expected category_id, got ${shown(category)}`);
      this.#add(this.#pictureOf(where, image), this.#categoryOf(where, category), category, box);
    }
  }

  pictures(elements: readonly unknown[], first: number): void {
    for (const [place, element] of elements.entries()) {
      const where = `${this.#path}: picture ${first + place}`;
      const { file, objects } = fieldsOf(where, element, 'file and objects');
      if (typeof file !== 'string' || !Array.isArray(objects))
        throw new InputError(`${where}: expected file and objects, got ${shown(file)} and ${shown(objects)}`);
      const picture = this.#pictureNamed(`${where}: expected file, `, file);
      const other = this.#filesOf.get(picture);
      if (other !== undefined)
        throw new InputError(
          `${where}: expected one file for each picture of the ground truth, got ${shown(other)} and ${shown(file)}`,
        );
      this.#filesOf.set(picture, file);
      for (const [index, object] of objects.entries()) {
        const own = `${where}, object ${index}`;
        const { category, bbox, score } = fieldsOf(own, object, 'category, bbox and score');
        if (typeof category !== 'string')
          throw new InputError(`${own}: expected category, a name, got ${shown(category)}`);
        const known = this.#targets.categories.findIndex(({ name }) => name === category);
        this.#add(picture, known < 0 ? undefined : known, category, {
          ...boxOf(own, bbox),
          score: scoreOf(own, score),
        });
      }
    }
  }

  #add(picture: number, category: number | undefined, id: Id, box: Omit<Detection, 'picture' | 'category'>): void {
    const { detections, unknownCategories } = this.#file;
    if (category === undefined) unknownCategories.set(id, (unknownCategories.get(id) ?? 0) + 1);
    else detections.push({ picture, category, ...box });
  }

  #pictureOf(where: string, image: unknown): number {
    const { picturePlaces, byName } = this.#targets;
    const place = this.#placeOf(picturePlaces, image);
    if (place !== undefined) return place;
    if (byName && typeof image === 'string') return this.#pictureNamed(`${where}: expected image_id, `, image);
    const expected = byName
      ? `the name of a picture's file, such as ${shown(this.#targets.pictures[0]?.name)}, since this ground truth has no ids`
      : 'a picture that the ground truth lists';
    throw new InputError(`${where}: expected image_id, ${expected}, got ${shown(image)}`);
  }

  #pictureNamed(expected: string, file: string): number {
    const [place, ...others] = this.#byName(file);
    if (place !== undefined && others.length === 0) return place;
    const several = [place, ...others].slice(0, 2).map((each) => shown(this.#targets.pictures[each!]?.name));
    const got = place === undefined ? shown(file) : `${shown(file)}, which may be ${several.join(' or ')}`;
    throw new InputError(`${expected}the name of one picture that the ground truth lists, got ${got}`);
  }

  #categoryOf(where: string, category: Id): number | undefined {
    const { categoryPlaces, byName, categories } = this.#targets;
    if (byName && typeof category === 'number')
      throw new InputError(
        `${where}: expected category_id, the name of a class, such as ${shown(categories[0]?.name)}, since this ground truth has no ids, got ${category}`,
      );
    return this.#placeOf(categoryPlaces, category);
  }

  #placeOf(places: ReadonlyMap<Id, number>, id: unknown): number | undefined {
    return this.#asPycocotools ? places.get(id as Id) : placeOfId(places, id as Id, () => {});
  }
}

const notDetections = (path: string) =>
  new InputError(
    `${path}: expected a list of detections, or what detect run wrote, got another object (the ground truth in place of detections?)`,
  );

const listFields = 'image_id, category_id, bbox and score';

function fieldsOf(where: string, value: unknown, fields: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InputError(`${where}: expected an object with ${fields}, got ${shown(value)}`);
}

function boxOf(where: string, bbox: unknown): Pick<Detection, 'x' | 'y' | 'width' | 'height'> {
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(Number.isFinite))
    throw new InputError(`${where}: expected bbox, four finite numbers x, y, width, height, got ${shown(bbox)}`);
  const [x, y, width, height] = bbox as [number, number, number, number];
  return { x, y, width, height };
}

function scoreOf(where: string, score: unknown): number {
  if (typeof score === 'number' && Number.isFinite(score)) return score;
  throw new InputError(`${where}: expected score, a finite number, got ${shown(score)}`);
}
