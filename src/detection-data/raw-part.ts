// What the readers of the three formats return: boxes as the files have them, before sizes of pictures are known and
// boxes are checked (settle.ts).

import type { TruthBox } from '../coco/box.ts';
import type { Category } from './detection-dataset.ts';

export interface RawBox extends TruthBox {
  /** Not a number where the file states none. */
  area: number;
  /** Line of the file, for messages; absent in COCO files, whose boxes have ids. */
  line?: number;
}

export interface RawPicture {
  name: string;
  /** Absent if it was not found. */
  path: string | undefined;
  /** As the file states it. */
  id: number | undefined;
  /** As the file states them; undefined where it does not. */
  width: number | undefined;
  height: number | undefined;
  /** The file that has the boxes, for messages. */
  file: string;
  boxes: RawBox[];
}

/** One part of a dataset: train, val, test. */
export interface RawPart {
  name: string;
  categories: Category[];
  pictures: RawPicture[];
  /** How the numbers of boxes count. Corners are x1 y1 x2 y2 in place of x y width height. */
  boxes: 'pixels' | 'shares';
}

/** Returns where a box is, for messages: "labels/a.txt, line 3". */
export const placeOf = ({ file, name }: RawPicture, { line, id }: RawBox): string =>
  line === undefined ? `${file}, annotation ${id} (${name})` : `${file}, line ${line}`;
