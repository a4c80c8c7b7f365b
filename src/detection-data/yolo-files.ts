// Reads YOLO's text files: a line for each box, "class centre-x centre-y width height" in shares of the picture.

import { existsSync } from 'node:fs';
import { readNamedText } from '../named-file.ts';
import type { Category } from './detection-dataset.ts';
import type { Faults } from './faults.ts';
import { boxOfPolygons } from './outline-box.ts';
import type { RawBox, RawPart, RawPicture } from './raw-part.ts';
import { type YoloLayout, yoloLayout } from './yolo-layout.ts';

export interface YoloOptions {
  /** The folder of the pictures, where it is neither `images` nor that of the label files. */
  pictures?: string | undefined;
}

const mostBytes = 64 << 20;

/** Reads all parts. Boxes have x, y as the first corner, all in shares of the picture. */
export function readYolo(path: string, faults: Faults, { pictures }: YoloOptions = {}): RawPart[] {
  const layout = yoloLayout(path, pictures);
  const reader = new LabelReader(layout, faults);
  const parts = layout.parts.map(({ name, pictures, lonely }) => {
    for (const file of lonely) faults.add('no-picture', () => file);
    const read = pictures.map(({ name, path, labels }): RawPicture => {
      const found = existsSync(labels);
      if (!found) faults.add('no-annotations', () => path);
      const boxes = found ? reader.read(labels) : [];
      const present = existsSync(path) ? path : undefined;
      return { name, path: present, id: undefined, width: undefined, height: undefined, file: labels, boxes };
    });
    return { name, pictures: read };
  });
  const categories = reader.categories(path);
  return parts.map((part) => ({ ...part, categories, boxes: 'shares' as const }));
}

class LabelReader {
  readonly #layout: YoloLayout;
  readonly #faults: Faults;
  #most = -1; // the largest class

  constructor(layout: YoloLayout, faults: Faults) {
    this.#layout = layout;
    this.#faults = faults;
  }

  categories(path: string): Category[] {
    const { names } = this.#layout;
    if (!names) this.#faults.add('no-class-names', () => path);
    const all = names ?? Array.from({ length: this.#most + 1 }, (_, place) => `class ${place}`);
    return all.map((name, place) => ({ id: place + 1, name }));
  }

  read(file: string): RawBox[] {
    const lines = readNamedText(file, 'a YOLO label file', mostBytes)
      .replace(/^\ufeff/, '')
      .split(/\r?\n/);
    const seen = new Set<string>();
    return lines.flatMap((text, place) => {
      const line = text.trim();
      if (line === '') return [];
      const where = () => `${file}, line ${place + 1}`;
      const values = line.split(/[\s,]+/).map(Number);
      const key = values.join(' ');
      if (seen.has(key)) {
        this.#faults.add('doubled-lines', () => `${where()}: ${line.slice(0, 60)}`);
        return [];
      }
      seen.add(key);
      return this.#boxOf(values, () => `${where()}: ${line.slice(0, 60)}`, place + 1) ?? [];
    });
  }

  #boxOf(values: readonly number[], where: () => string, line: number): RawBox | undefined {
    const [category = -1] = values;
    const box = values.every(Number.isFinite) && Number.isInteger(category) ? this.#shares(values, where) : undefined;
    if (!box) {
      this.#faults.add('not-a-box', where);
      return undefined;
    }
    const { names } = this.#layout;
    if (category < 0 || (names && category >= names.length)) {
      this.#faults.add('unknown-class', () => `${where()} (classes 0 to ${(names?.length ?? 0) - 1})`);
      return undefined;
    }
    this.#most = Math.max(this.#most, category);
    return { ...box, category, crowd: false, area: Number.NaN, id: 0, line };
  }

  /** Returns the box of a line, of its polygon, or in front of its key points. */
  #shares(values: readonly number[], where: () => string) {
    const numbers = values.slice(1);
    const { keyPoints } = this.#layout;
    const posed = keyPoints ? numbers.length === 4 + keyPoints.count * keyPoints.values : isPose(numbers.length);
    const polygon = !posed && numbers.length >= 6 && numbers.length % 2 === 0;
    if (!polygon && !posed && numbers.length !== 4 && numbers.length !== 5) return undefined;
    const used = polygon || posed ? numbers : numbers.slice(0, 4); // a fifth is a score
    const outside = used.slice(0, polygon ? undefined : 4).some((value) => value < 0 || value > 1);
    if (outside) this.#faults.add('outside-unit', where);
    if (polygon) {
      this.#faults.add('box-of-polygon', where);
      return boxOfPolygons([numbers]);
    }
    if (numbers.length > 4) this.#faults.add('more-values', where);
    const [x, y, width, height] = numbers as [number, number, number, number];
    return { x: x - width / 2, y: y - height / 2, width, height };
  }
}

/** Whether so many values behind the class are a box and key points with a third value each, not a polygon. */
const isPose = (count: number): boolean => count % 2 === 1 && count > 5 && (count - 4) % 3 === 0;
