// Reads label files in ImageNet's usual forms: a column of labels in the order of the images, or lines of a name and a
// label. class-names.ts interprets labels.

import { basename, extname } from 'node:path';
import { InputError } from '../failure.ts';
import { readNamedText } from '../named-file.ts';

export interface LabelLine {
  /** The image's name in the file; absent in a column. */
  image?: string;
  label: string;
  /** Line number from 1. */
  line: number;
}

export interface LabelFile {
  path: string;
  /** Whether it is a column, whose lines belong to the images sorted by name. */
  column: boolean;
  lines: LabelLine[];
}

/**
 * Reads `490`, `n01751748` (a column), `NAME 65`, `NAME<tab>LABEL` or `NAME,LABEL`; of Kaggle's boxes only the class is
 * used.
 * @throws InputError for a file that is missing, empty or of both kinds
 */
export function readLabelFile(path: string): LabelFile {
  const lines = readNamedText(path, 'a file of labels')
    .split(/\r?\n/)
    .map((text, index): LabelLine => ({ ...splitLine(text.trim()), line: index + 1 }))
    .filter(({ label, line }) => label !== '' && !(line === 1 && label === 'PredictionString'));
  if (lines.length === 0) throw new InputError(`${path}: expected a label on each line, got none`);
  const column = lines[0]!.image === undefined;
  const other = lines.find(({ image }) => (image === undefined) !== column);
  if (other) {
    const [expected, got] = column ? ['one label a line', 'two words'] : ['a name and a label', 'one word'];
    throw new InputError(`${path}:${other.line}: expected ${expected} as on line ${lines[0]!.line}, got ${got}`);
  }
  return { path, column, lines };
}

function splitLine(text: string): Omit<LabelLine, 'line'> {
  const parts =
    /^([^\t]+?)\s*\t\s*(.+)$/.exec(text) ?? /^([^,]+?)\s*,\s*(.+)$/.exec(text) ?? /^(.+)\s+(\S+)$/.exec(text);
  if (!parts) return { label: text };
  const boxes = /^(n\d{8}) \d/.exec(parts[2]!); // n03995372 85 1 499 272, Kaggle's
  return { image: parts[1]!, label: boxes ? boxes[1]! : parts[2]! };
}

/** Finds the line of an image by its path in the folder, else by its file name, with or without extension. */
export class LabelsByName {
  readonly #whole = new Map<string, LabelLine>();
  /** Lines by file name; undefined for names that occur several times. */
  readonly #names = new Map<string, LabelLine | undefined>();

  constructor({ lines }: LabelFile) {
    for (const line of lines) {
      const image = line.image!.replaceAll('\\', '/').replace(/^\.\//, '');
      this.#whole.set(image, line);
      const name = basename(image);
      this.#names.set(name, this.#names.has(name) ? undefined : line);
    }
  }

  /** @param image path relative to the folder, with slashes */
  find(image: string): LabelLine | undefined {
    const name = basename(image);
    const stem = basename(image, extname(image));
    return this.#whole.get(image) ?? this.#names.get(name) ?? this.#names.get(stem);
  }
}
