// Turns what a file says into boxes in pixels of the upright picture: sizes compared with those of the pictures, EXIF
// orientation, boxes clipped or refused. Every change is counted as a fault.

import type { Box, TruthBox } from '../coco/box.ts';
import { inOrder } from './corners.ts';
import type { DetectionPicture } from './detection-dataset.ts';
import type { Faults } from './faults.ts';
import { type PictureSize, upright } from './picture-size.ts';
import { placeOf, type RawBox, type RawPart, type RawPicture } from './raw-part.ts';

/** Overhang in pixels that arithmetic leaves, which is cut without a word; a JPEG has no such position. */
const rounding = 1e-4;
/** Overhang in pixels that is mended: corners that count from 1, coordinates that were rounded. */
const mostOverhang = 1;

/** Returns the picture in its final size; undefined if its size is unknown, which is a fault. */
export function settlePicture(
  raw: RawPicture,
  id: number,
  unit: RawPart['boxes'],
  size: PictureSize | undefined,
  faults: Faults,
): DetectionPicture | undefined {
  const settled = settleSize(raw, unit, size, faults);
  if (!settled) return undefined;
  const { width, height, place } = settled;
  const boxes = raw.boxes.flatMap((box) => settleBox(raw, box, place, { width, height }, faults) ?? []);
  if (boxes.length === 0) faults.add('no-boxes', () => raw.name);
  countDoubled(raw, boxes, faults);
  const absent = raw.path === undefined;
  return { path: raw.path ?? raw.name, name: raw.name, id, width, height, boxes, ...(absent && { absent: true }) };
}

interface SettledSize {
  width: number;
  height: number;
  /** Moves a box of the file into the picture. */
  place: (box: Box) => void;
}

function settleSize(
  raw: RawPicture,
  unit: RawPart['boxes'],
  size: PictureSize | undefined,
  faults: Faults,
): SettledSize | undefined {
  const stated =
    raw.width !== undefined && raw.height !== undefined ? { width: raw.width, height: raw.height } : undefined;
  const final = size ? upright(size) : stated;
  const where = () => `${raw.file} (${raw.name})${size ? `: EXIF orientation ${size.orientation}` : ''}`;
  if (!final) {
    faults.add(unit === 'shares' && raw.path === undefined ? 'no-picture' : 'unknown-size', where);
    return undefined;
  }
  const { width, height } = final;
  if (unit === 'shares') {
    if (size && size.orientation > 1) faults.add('exif-unclear', where);
    return { ...final, place: (box) => scale(box, width, height) };
  }
  const keep = { ...final, place: () => {} };
  if (!stated) faults.add('missing-size', where);
  if (!stated || !size) return keep;
  const sizes = () => `${where()}: stated ${stated.width} × ${stated.height}, the picture has ${width} × ${height}`;
  if (stated.width === width && stated.height === height) {
    if (size.orientation > 1 && (size.orientation < 5 || width === height)) faults.add('exif-unclear', where);
    return keep;
  }
  const swapped = stated.width === height && stated.height === width;
  if (swapped && size.orientation >= 5) {
    faults.add('exif', where);
    return { ...final, place: (box) => turn(box, size) };
  }
  if (swapped && raw.boxes.every((box) => overhang(box, final) <= mostOverhang)) {
    faults.add('swapped-size', sizes);
    return keep;
  }
  faults.add('other-size', sizes);
  return { ...final, place: (box) => scale(box, width / stated.width, height / stated.height) };
}

function scale(box: Box, byWidth: number, byHeight: number): void {
  box.x *= byWidth;
  box.width *= byWidth;
  box.y *= byHeight;
  box.height *= byHeight;
}

/** Turns a box of the stored picture as EXIF's orientation turns the picture. */
export function turn(box: Box, { width, height, orientation }: PictureSize): void {
  const right = width - box.x - box.width; // distance to the right edge
  const below = height - box.y - box.height;
  const places: Record<number, [x: number, y: number]> = {
    2: [right, box.y],
    3: [right, below],
    4: [box.x, below],
    5: [box.y, box.x],
    6: [below, box.x],
    7: [below, right],
    8: [box.y, right],
  };
  [box.x, box.y] = places[orientation] ?? [box.x, box.y];
  if (orientation >= 5) [box.width, box.height] = [box.height, box.width];
}

/** Returns how far a box reaches beyond its picture, in pixels. */
const overhang = ({ x, y, width, height }: Box, picture: { width: number; height: number }): number =>
  Math.max(-x, -y, x + width - picture.width, y + height - picture.height);

/** Returns the box in its picture; undefined if nothing of it lies there. */
function settleBox(
  raw: RawPicture,
  rawBox: RawBox,
  place: (box: Box) => void,
  picture: { width: number; height: number },
  faults: Faults,
): TruthBox | undefined {
  const { line: _, ...box } = rawBox;
  const where = () => {
    const numbers = [box.x, box.y, box.width, box.height].map((value) => Number(value.toFixed(3)));
    return `${placeOf(raw, rawBox)}: ${numbers.join(' ')} in ${picture.width} × ${picture.height}`;
  };
  place(box);
  if (box.width < 0 || box.height < 0) faults.add('negative-size', where);
  inOrder(box);
  const beyond = overhang(box, picture);
  if (beyond > mostOverhang) faults.add('beyond-picture', where);
  else if (beyond > rounding) faults.add('clipped', where);
  const flat = box.width === 0 || box.height === 0;
  if (flat) faults.add('zero-size', where);
  if (beyond > 0) clip(box, picture);
  if (!flat && (box.width === 0 || box.height === 0)) return undefined;
  if (Number.isNaN(box.area)) box.area = box.width * box.height;
  return box;
}

function clip(box: Box, { width, height }: { width: number; height: number }): void {
  const [right, bottom] = [Math.min(box.x + box.width, width), Math.min(box.y + box.height, height)];
  [box.x, box.y] = [Math.max(box.x, 0), Math.max(box.y, 0)];
  [box.width, box.height] = [Math.max(0, right - box.x), Math.max(0, bottom - box.y)];
}

function countDoubled(raw: RawPicture, boxes: readonly TruthBox[], faults: Faults): void {
  if (boxes.length < 2) return;
  const seen = new Set<string>();
  for (const box of boxes) {
    const key = `${box.category} ${box.x} ${box.y} ${box.width} ${box.height}`;
    if (seen.has(key)) faults.add('doubled-boxes', () => `${raw.file} (${raw.name}): annotation ${box.id}`);
    seen.add(key);
  }
}

/**
 * Whether the four numbers of a COCO file's boxes are two corners: they fit all pictures so, and either some do not fit
 * as x y width height, or every stated area is that between the corners.
 */
export function areCorners({ pictures }: RawPart): boolean {
  let [count, beyond, cornerAreas] = [0, 0, 0];
  for (const { width = Infinity, height = Infinity, boxes } of pictures) {
    for (const box of boxes) {
      if (box.crowd) continue;
      const fits = box.width >= box.x && box.height >= box.y;
      if (!fits || box.width > width + mostOverhang || box.height > height + mostOverhang) return false;
      count++;
      if (overhang(box, { width, height }) > mostOverhang) beyond++;
      if (isNear(box.area, (box.width - box.x) * (box.height - box.y)) && !isNear(box.area, box.width * box.height))
        cornerAreas++;
    }
  }
  return beyond > 0 || (count > 0 && cornerAreas === count);
}

const isNear = (one: number, other: number): boolean => Math.abs(one - other) <= 1e-6 * Math.abs(other);

/** Reads the four numbers of all boxes as two corners. An area that was computed from them is computed again. */
export function readAsCorners({ pictures }: RawPart): void {
  for (const { boxes } of pictures) {
    for (const box of boxes) {
      if (box.area === box.width * box.height) box.area = Number.NaN;
      [box.width, box.height] = [box.width - box.x, box.height - box.y];
    }
  }
}
