// A detection dataset in memory, whichever format it was read from: categories, pictures and their boxes.

import type { TruthBox } from '../coco/box.ts';

export interface Category {
  /** As in the file. The place in the list is what boxes name. */
  id: number;
  name: string;
}

export interface DetectionPicture {
  /** Where the file lies. */
  path: string;
  /** Listed, but there is no such file: `path` is only its name. */
  absent?: true;
  /** The name in the annotations, which may have folders: "train2017/000000262145.jpg". */
  name: string;
  id: number;
  /** Pixels after EXIF orientation, the view in which boxes are given. */
  width: number;
  height: number;
  /** In the order of the file. */
  boxes: TruthBox[];
}

export interface DetectionDataset {
  categories: Category[];
  /** In ascending order of ids. A picture without boxes has an empty list. */
  pictures: DetectionPicture[];
}

/** Returns the boxes that a detector can learn from: those with an area, of objects one by one. */
export const boxesToLearn = ({ boxes }: DetectionPicture): TruthBox[] =>
  boxes.filter(({ width, height, crowd }) => width > 0 && height > 0 && !crowd);
