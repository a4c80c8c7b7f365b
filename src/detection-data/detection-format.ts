// Tells by its look which format a dataset with boxes has, and which files of COCO are its parts.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { InputError } from '../failure.ts';
import { filesBelow } from './find-pictures.ts';

export const detectionFormats = ['coco', 'voc', 'yolo'] as const;
export type DetectionFormat = (typeof detectionFormats)[number];

const byEnding: Readonly<Record<string, DetectionFormat>> = {
  '.json': 'coco',
  '.xml': 'voc',
  '.yaml': 'yolo',
  '.yml': 'yolo',
};

/** Returns the format of a file or a folder. @throws InputError if it looks like none of them, or like several */
export function detectionFormat(path: string): DetectionFormat {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) throw new InputError(`${path}: expected a dataset with boxes, got no such file or folder`);
  if (!status.isDirectory()) {
    const format = byEnding[extname(path).toLowerCase()];
    if (format) return format;
    throw new InputError(`${path}: expected COCO's .json, VOC's .xml or YOLO's data.yaml, or a folder of them`);
  }
  const found = detectionFormats.filter((format) => looks[format](path));
  if (found.length === 1) return found[0]!;
  const got = found.length === 0 ? 'a folder of none' : `a folder of ${found.join(' and ')}`;
  throw new InputError(`${path}: expected boxes of COCO, Pascal VOC or YOLO, got ${got}: name the format or a file`, {
    code: 'unclear-boxes',
  });
}

const looks: Record<DetectionFormat, (folder: string) => boolean> = {
  coco: (folder) => cocoFiles(folder).length > 0,
  voc: (folder) => {
    const annotations = join(folder, 'Annotations');
    return filesBelow(existsSync(annotations) ? annotations : folder, '.xml').length > 0;
  },
  yolo: (folder) => {
    const names = readdirSync(folder);
    if (names.some((name) => /^data\.ya?ml$|^obj\.names$/i.test(name))) return true;
    const labels = join(folder, 'labels');
    return filesBelow(existsSync(labels) ? labels : folder, '.txt').some(isLabelFile);
  },
};

/** Whether a text file below the folder may hold boxes; lists of VOC's ImageSets and of classes do not. */
const isLabelFile = (path: string): boolean =>
  !/(?:^|[\\/])ImageSets[\\/]|(?:classes|labels|labelmap|train|val|test|readme)\.txt$/i.test(path);

/**
 * Returns the files with boxes of a COCO folder: those of instances where there are some, never captions or key points.
 */
export function cocoFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const all = filesBelow(path, '.json').filter(
    (file) => !/(?:captions|keypoints|panoptic|stuff|image_info)[^\\/]*$/i.test(file),
  );
  const instances = all.filter((file) => /(?:^|[\\/])(?:instances_[^\\/]*|_annotations\.coco)\.json$/i.test(file));
  if (instances.length > 0) return instances;
  return all.filter((file) => /[\\/]annotations[\\/][^\\/]*$|annotation|coco/i.test(file.slice(path.length)));
}
