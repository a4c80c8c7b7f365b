// Checks that a study is resumed, and its cells are trained, with the same images: otherwise its rewards would not be
// comparable and its networks would name wrong classes.

import { z } from 'zod';
import { classContentsOf } from '../data/cache.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { type ClassContent, changesOf } from '../data/folder-content.ts';
import { InputError } from '../failure.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';

const count = z.int().nonnegative();
const content: z.ZodType<ClassContent[]> = z.array(
  z.strictObject({
    name: z.string(),
    train: count,
    test: count,
    paths: z.string(),
    bytes: z.string(),
  } satisfies Record<keyof ClassContent, z.ZodType>),
);

const changesNamed = 5;

/**
 * Compares the images with those of the study; of older studies only the names of the classes are known.
 * @param otherwise what else the user can do, for the message
 * @throws InputError that lists the changes
 */
export function requireSameImages(
  study: Study<SearchSettings>,
  files: DatasetFiles,
  otherwise = 'start a new search in another file',
): void {
  const now = classContentsOf(files);
  if (!now) return;
  const recorded = study.choice('images', content);
  const classes = study.result('dataset')?.classes ?? files.classes;
  const changes = recorded ? changesOf(recorded, now) : changesOf(named(classes), named(files.classes));
  if (changes.length === 0) return;
  const more = changes.length > changesNamed ? ` and ${changes.length - changesNamed} changes more` : '';
  const list = `${changes.slice(0, changesNamed).join(', ')}${more}`;
  throw new InputError(
    `${files.source}: expected the images with which ${study.path} was started, but ${list}; bring them back, or ${otherwise}`,
    { code: 'images-changed', fields: { changes } },
  );
}

/**
 * Compares the images with those of the study, and records their content in a new study and in one that lacks it.
 * @throws InputError as `requireSameImages`
 */
export function keepSameImages(study: Study<SearchSettings>, files: DatasetFiles): void {
  requireSameImages(study, files);
  const now = classContentsOf(files);
  if (now) study.recordOnce('images', now, content);
}

/** Returns classes of which only the names are known. */
const named = (names: readonly string[]): ClassContent[] =>
  names.map((name) => ({ name, train: 0, test: 0, paths: '', bytes: name }));
