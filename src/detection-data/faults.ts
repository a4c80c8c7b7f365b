// Faults of files with boxes: what was found, how often, the first places, and what was done about it. Nothing is
// changed or omitted without an entry here.

import { InputError } from '../failure.ts';
import { visible } from '../visible.ts';
import { whole } from '../words.ts';

/**
 * * The treatment of a fault:
 * - `noted`: it needs nothing, but a user should know of it;
 * - `mended`: there is one way to mend it;
 * - `refused`: there are several, or data would be lost. `mend` accepts the one that the kind states.
 */
type Treatment = 'noted' | 'mended' | 'refused';

interface FaultKind {
  title: string;
  treatment: Treatment;
  /** The treatment; for refused faults, that of `mend`. */
  done: string;
}

const kind = (treatment: Treatment, title: string, done: string): FaultKind => ({ treatment, title, done });

export const faultKinds = {
  // Sizes and places of boxes
  'corners-for-size': kind(
    'refused',
    'files whose boxes are x1 y1 x2 y2 in place of x y width height, as pictures or areas show',
    'all boxes of the file are read as corners',
  ),
  'negative-size': kind('refused', 'boxes of negative width or height', 'their corners are put in order'),
  'inverted-corners': kind(
    'refused',
    'boxes whose second corner lies before the first',
    'the corners are put in order',
  ),
  'outside-unit': kind(
    'refused',
    'lines with values outside 0–1 (pixels in place of shares of the picture?)',
    'the boxes are clipped to their pictures',
  ),
  'beyond-picture': kind(
    'refused',
    'boxes that reach more than a pixel beyond their pictures',
    'they are clipped, and omitted where nothing remains',
  ),
  clipped: kind('mended', 'boxes that reach up to a pixel beyond their pictures', 'clipped'),
  'zero-size': kind('noted', 'boxes without width or height', 'kept, but no training uses them'),
  'equal-corners': kind('noted', 'boxes whose corners are equal, counted from 1', 'one pixel wide or high'),
  'float-corners': kind('noted', 'corners that are no whole numbers', 'kept as they are'),
  'first-pixel-1': kind('noted', 'boxes with corners that count pixels from 1, as VOC does', 'moved by one pixel'),
  'first-pixel-0': kind('noted', 'boxes with corners that count pixels from 0', 'read so: some corner is 0'),
  'doubled-lines': kind('mended', 'lines that occur twice in a file', 'each read once'),
  'doubled-boxes': kind('noted', 'boxes of one class that lie exactly on another', 'kept'),
  'not-a-box': kind('refused', 'entries that hold no box', 'they are omitted'),
  polygons: kind('noted', 'outlines or masks beside boxes', 'only the boxes are used'),
  'box-of-polygon': kind('mended', 'outlines without a box', 'the box around the outline is used'),
  'more-values': kind('noted', 'lines with key points or scores behind the box', 'only the box is used'),
  // Classes and ids
  'unknown-class': kind('refused', 'boxes of classes that are not listed', 'they are omitted'),
  'unknown-picture': kind('refused', 'boxes of pictures that are not listed', 'they are omitted'),
  'doubled-class': kind('refused', 'ids of classes that are listed with several names', 'the first counts'),
  'doubled-name': kind('noted', 'classes with the name of another', 'kept apart'),
  'doubled-picture': kind('refused', 'pictures that are listed twice with different names', 'the first counts'),
  'no-class-names': kind('noted', 'files that do not name their classes', 'called "class 0" and so on'),
  'gaps-in-ids': kind('noted', 'class lists whose ids have gaps', 'classes count by their place'),
  'ids-from-0': kind('noted', 'ids 0; pycocotools takes an annotation with id 0 for one that was not found', 'kept'),
  'text-ids': kind('mended', 'ids that are text', 'read as numbers'),
  'doubled-ids': kind('mended', 'annotations with the id of another', 'all kept, with a new id'),
  'missing-id': kind('mended', 'annotations without an id', 'numbered'),
  // What else an annotation says
  crowds: kind('noted', 'boxes of crowds', 'kept; a detection in one counts neither for nor against'),
  'all-crowds': kind('refused', 'files in which every box is a crowd, so that nothing can be found', 'all stay crowds'),
  'missing-area': kind('mended', 'annotations without an area', 'width × height is used'),
  'missing-iscrowd': kind('mended', 'annotations without iscrowd', 'read as 0'),
  // Pictures
  'absent-picture': kind('noted', 'listed pictures that are absent', 'kept in the list, but no training uses them'),
  'unreadable-picture': kind('noted', 'pictures that cannot be read', 'kept in the list'),
  'no-boxes': kind('noted', 'pictures without boxes', 'kept'),
  'no-annotations': kind('noted', 'pictures without a file of boxes', 'kept as pictures without boxes'),
  'no-picture': kind('refused', 'files of boxes without their picture, whose size is needed', 'they are omitted'),
  'missing-size': kind('mended', 'pictures whose size is not stated', "the picture's own is used"),
  'unknown-size': kind('refused', 'pictures whose size is neither stated nor readable', 'they are omitted'),
  'swapped-size': kind('mended', 'pictures with width and height swapped', "the picture's own are used"),
  'other-size': kind('refused', 'pictures of another size than stated', 'boxes are scaled to the picture'),
  exif: kind('mended', 'boxes given before the rotation that EXIF states', 'turned with the picture'),
  'exif-unclear': kind(
    'noted',
    'pictures with an EXIF orientation whose boxes do not show the view that they were drawn in',
    'taken as the upright view, which viewers show',
  ),
  'other-name': kind(
    'noted',
    'annotation files that name another picture than their own name does',
    "the file's own name is used",
  ),
  'bad-file': kind('refused', 'annotation files that cannot be read', 'their pictures are omitted'),
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

/** One kind of fault as it is reported. */
export interface FaultReport {
  kind: FaultName;
  title: string;
  treatment: Treatment;
  done: string;
  count: number;
  /** The first places: "labels/a.txt, line 3: class 80". */
  examples: string[];
}

const mostExamples = 3;

/** Collects the faults of one reading. */
export class Faults {
  readonly #found = new Map<FaultName, { count: number; examples: string[] }>();

  /** @param where a file with line or id, and what is there; computed only for the first examples */
  add(name: FaultName, where: () => string): void {
    const entry = this.#found.get(name) ?? { count: 0, examples: [] };
    if (entry.count++ < mostExamples) entry.examples.push(visible(where()));
    this.#found.set(name, entry);
  }

  count(name: FaultName): number {
    return this.#found.get(name)?.count ?? 0;
  }

  /** Returns all kinds that were found, in the order of `faultKinds`. */
  report(): FaultReport[] {
    return Object.entries(faultKinds).flatMap(([name, { title, treatment, done }]) => {
      const entry = this.#found.get(name as FaultName);
      return entry ? [{ kind: name as FaultName, title, treatment, done, ...entry }] : [];
    });
  }

  /**
   * Returns the report as lines.
   * @param accepted whether refused faults were mended all the same
   * @param except kinds that do not matter to the reader
   */
  words(accepted: boolean, except: readonly FaultName[] = []): string[] {
    const report = this.report().filter(({ kind }) => !except.includes(kind));
    return report.flatMap(({ title, treatment, done, count, examples }) => [
      `${title}: ${whole(count)} (${treatment === 'refused' && !accepted ? 'refused' : done})`,
      ...examples.map((example) => `  ${example}`),
      ...(count > examples.length ? [`  and ${whole(count - examples.length)} more`] : []),
    ]);
  }

  /** @throws InputError that names every refused kind with its first place */
  refuse(path: string): void {
    const refused = this.report().filter(({ treatment }) => treatment === 'refused');
    if (refused.length === 0) return;
    const sentences = refused.map(
      ({ title, count, examples, done }) => `${title}: ${whole(count)} (first: ${examples[0]}; mended, ${done})`,
    );
    throw new InputError(
      `${path}: expected boxes without conflicts, got ${sentences.join('; ')}; mend the file, or accept this`,
      {
        code: 'conflicting-boxes',
        fields: { faults: refused },
      },
    );
  }
}
