// A study goes on with the images that it began with: rewards of others could not be compared, and its networks would name wrong classes.

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
 * Keeps what a folder holds in its study the first time, which for older studies may be late, and compares it from then on.
 * @throws InputError that says what changed
 */
export function requireSameImages(study: Study<SearchSettings>, files: DatasetFiles): void {
  const now = classContentsOf(files);
  if (!now) return;
  const kept = study.choice('images', content);
  const classes = study.result('dataset')?.classes ?? files.classes;
  const changes = kept ? changesOf(kept, now) : changesOf(named(classes), named(files.classes));
  if (changes.length > 0) {
    const more = changes.length > changesNamed ? ` and ${changes.length - changesNamed} changes more` : '';
    const said = `${changes.slice(0, changesNamed).join(', ')}${more}`;
    throw new InputError(
      `${files.source}: expected the images with which ${study.path} was started, but ${said}; bring them back, or start a new search in another file`,
      { code: 'images-changed', fields: { changes } },
    );
  }
  study.settled('images', now, content);
}

/** Classes of which the names are all that is known. */
const named = (names: readonly string[]): ClassContent[] =>
  names.map((name) => ({ name, train: 0, test: 0, paths: '', bytes: name }));
