// Finds the objects of picture files, as COCO's evaluation takes them.

import { setImmediate } from 'node:timers/promises';
import { InputError } from '../failure.ts';
import type { DetectOptions, Detector } from './detector.ts';
import { framePicture, inPicture, pictureBatch, testPlacement } from './pictures.ts';
import type { Found, SavedObjects } from './saved-objects.ts';

export interface FindOptions extends DetectOptions {
  /** Height and width to which pictures are brought. Default: the detector's. */
  input?: readonly [height: number, width: number];
  /** Called after each picture with the number of pictures so far. */
  onProgress?: (done: number) => void;
  /** Where what was found is saved, and an earlier run resumes. Default: nowhere. */
  saved?: SavedObjects;
  /** Called with the number of pictures that an earlier run looked at. */
  onResume?: (done: number) => void;
  signal?: AbortSignal;
}

/**
 * Finds objects in pictures, one after the other; the next one is read meanwhile.
 * @throws the signal's reason when it is aborted; Failure if a score is not a number
 */
export async function findObjects(
  detector: Detector,
  paths: readonly string[],
  options: FindOptions = {},
): Promise<Found> {
  const { settings } = detector.plan;
  const { input = settings.input, onProgress, saved, onResume, signal, ...detect } = options;
  const read = (path: string) =>
    framePicture(path, input, (size) => testPlacement(size, input, settings.framing)).catch((error) => {
      if (error instanceof InputError) return error;
      throw error;
    });
  const { done: first = 0, detections = [], unreadable = [] } = saved?.read() ?? {};
  const found: Found = { detections, unreadable };
  if (first > 0) onResume?.(first);
  let next = first < paths.length ? read(paths[first]!) : undefined;
  for (let picture = first; picture < paths.length; picture++) {
    const framed = await next!;
    next = picture + 1 < paths.length ? read(paths[picture + 1]!) : undefined;
    next?.catch(() => {}); // reported when its turn comes
    if (framed instanceof InputError) found.unreadable.push(framed.message);
    else {
      const images = pictureBatch([framed.pixels], input, detector.device);
      const [objects] = detector.detect(images, [framed.placement.extent], detect);
      images.dispose();
      const corners = inPicture(objects!.boxes, framed.placement);
      objects!.scores.forEach((score, index) => {
        const [x1, y1, x2, y2] = corners.subarray(4 * index, 4 * index + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        const category = objects!.labels[index]!;
        found.detections.push({ picture, category, score, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
      });
    }
    onProgress?.(picture + 1);
    await setImmediate(); // let signals be handled
    saved?.offer(picture + 1, found, signal?.aborted ?? false);
    signal?.throwIfAborted();
  }
  saved?.remove();
  return found;
}
