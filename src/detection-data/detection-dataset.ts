// A detection dataset in memory, whichever format it was read from: categories, pictures and their boxes.

import type { TruthBox } from '../coco/box.ts';

export interface Category {
  /** As in the file. The place in the list is what boxes name. */
  id: number;
  name: string;
}

export interface DetectionPicture {
  /** Where the file lies; it may be absent. */
  path: string;
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
