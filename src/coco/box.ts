// The boxes that COCO's evaluation compares. Pixels with the origin at the top left corner; a box covers
// [x, x + width] × [y, y + height], both real numbers.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An object that a person marked in a picture. */
export interface TruthBox extends Box {
  /** Index into the categories. */
  category: number;
  /** Many objects in one box: a detection in it counts neither for nor against. */
  crowd: boolean;
  /** Pixels that decide between small, medium and large: those of the mask where there is one, else width · height. */
  area: number;
  /** The annotation's id in its file, or its place where the file has none. */
  id: number;
  /** Marked as hard to recognise, in VOC. COCO's evaluation takes no notice. */
  difficult?: true;
}

/** An object that a detector found. */
export interface Detection extends Box {
  /** Index into the pictures. */
  picture: number;
  /** Index into the categories. */
  category: number;
  /** Larger is more certain. Only the order counts. */
  score: number;
}
