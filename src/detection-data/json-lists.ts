// Reads a large JSON file whose top level is a list, or an object of lists, some elements at a time: COCO's
// instances_train2017.json has 450 MB, more than a JavaScript string holds. Where elements begin and end is found in
// the bytes; JSON.parse reads them.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { shown } from '../checked.ts';
import { InputError } from '../failure.ts';
import { isSystemError, reasonOf } from '../system-error.ts';

/** Some elements of one list, in their order. */
export interface Elements {
  kind: 'elements';
  /** The key of the list; '' for a list at the top level. */
  list: string;
  /** Place of the first element in its list. */
  first: number;
  elements: unknown[];
}

/** A value of the top-level object that is no list, or an empty list. */
export interface Entry {
  kind: 'entry';
  key: string;
  value: unknown;
}

const batchBytes = 1 << 18;
/** One element or entry; the largest real ones, crowds with long outlines, have some 100 kB. */
const mostElementBytes = 64 << 20;

/**
 * Yields the elements of all lists of a file, and its other entries.
 * @param what the expected kind of file, for messages: "COCO annotations"
 * @throws InputError with the line if the file is not JSON, not a list or an object, or not readable
 */
export function* readJsonLists(path: string, what: string, bytesAtOnce = 1 << 20): Generator<Elements | Entry> {
  const scanner = new Scanner(path, what);
  for (const chunk of chunksOf(path, what, bytesAtOnce)) yield* scanner.take(chunk);
  scanner.end();
}

function* chunksOf(path: string, what: string, bytesAtOnce: number): Generator<Buffer> {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile())
      throw new InputError(`${path}: expected ${what}, got ${found.isDirectory() ? 'a folder' : 'no file'}`);
    for (;;) {
      const chunk = Buffer.allocUnsafe(bytesAtOnce);
      const count = readSync(file, chunk);
      if (count === 0) return;
      yield chunk.subarray(0, count);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new InputError(
      `${path}: expected ${what}, got ${error.code === 'ENOENT' ? 'no such file' : reasonOf(error)}`,
    );
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const byte = {
  ...{ tab: 9, newLine: 10, return: 13, space: 32, quote: 34, comma: 44, colon: 58, backslash: 92 },
  ...{ openList: 91, closeList: 93, openObject: 123, closeObject: 125 },
} as const;

/** Where the scanner is: before the top-level value, in an object between its parts, in a list, or behind all. */
type Place = 'start' | 'key' | 'colon' | 'value' | 'after value' | 'element' | 'after element' | 'end';

/** A value under way: the bytes of earlier chunks, and how deep and in what the scanner is. */
interface Value {
  depth: number;
  kind: 'nested' | 'string' | 'plain';
  inString: boolean;
  escaped: boolean;
}

/** Where a value begins: in the bytes of the batch, and in the file. */
interface Start {
  at: number;
  line: number;
}

class Scanner {
  readonly #path: string;
  readonly #what: string;
  #place: Place = 'start';
  #line = 1;
  #topIsList = false;
  #key = '';
  #index = 0; // elements of this list so far
  #value: Value | undefined;
  #earlier: Buffer[] = []; // bytes of earlier chunks that belong to the batch
  #earlierBytes = 0;
  #batchStart = -1; // in this chunk; -1 without a batch
  #starts: Start[] = []; // of the values in the batch
  #batchCount = 0; // whole values in the batch
  #lastEnd = 0; // in the bytes of the batch: the end of its last whole value

  constructor(path: string, what: string) {
    this.#path = path;
    this.#what = what;
  }

  *take(chunk: Buffer): Generator<Elements | Entry> {
    let at =
      this.#place === 'start' && this.#line === 1 && chunk.subarray(0, 3).toString('latin1') === '\xef\xbb\xbf' ? 3 : 0;
    if (this.#batchCount > 0 || this.#value) this.#batchStart = 0;
    while (at < chunk.length) {
      if (this.#value) {
        at = this.#skipValue(chunk, at);
        if (this.#value) break;
        yield* this.#afterValue(chunk, at);
        continue;
      }
      const code = chunk[at]!;
      if (code === byte.newLine) this.#line++;
      if (code === byte.space || code === byte.newLine || code === byte.return || code === byte.tab) at++;
      else if (this.#startsValue(code)) this.#beginValue(code, at);
      else {
        yield* this.#punctuation(code, chunk, at);
        at++;
      }
    }
    if (this.#batchStart >= 0) this.#keep(chunk);
  }

  end(): void {
    if (this.#place !== 'end') this.#refuse('an end in the middle');
  }

  #startsValue(code: number): boolean {
    const opening = code !== byte.comma && code !== byte.colon && code !== byte.closeList && code !== byte.closeObject;
    if (this.#place === 'value') return opening && code !== byte.openList;
    return opening && (this.#place === 'element' || (this.#place === 'key' && code === byte.quote));
  }

  #beginValue(code: number, at: number): void {
    const nested = code === byte.openList || code === byte.openObject;
    const kind = nested ? 'nested' : code === byte.quote ? 'string' : 'plain';
    this.#value = { depth: 0, kind, inString: false, escaped: false };
    if (this.#batchCount === 0) this.#batchStart = at;
    this.#starts.push({ at: this.#earlierBytes + at - this.#batchStart, line: this.#line });
  }

  /** Returns the place behind the value, or the chunk's end within it. */
  #skipValue(chunk: Buffer, start: number): number {
    const value = this.#value!;
    let { depth, inString, escaped } = value;
    for (let at = start; at < chunk.length; at++) {
      const code = chunk[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (code === byte.backslash) escaped = true;
        else if (code === byte.quote) {
          inString = false;
          if (depth === 0) return this.#finishValue(at + 1);
        } else if (code === byte.newLine) this.#line++;
      } else if (code === byte.quote) inString = true;
      else if (code === byte.openObject || code === byte.openList) depth++;
      else if (code === byte.closeObject || code === byte.closeList) {
        if (value.kind === 'plain') return this.#finishValue(at);
        if (--depth === 0) return this.#finishValue(at + 1);
      } else if (code === byte.newLine) {
        if (value.kind === 'plain') return this.#finishValue(at);
        this.#line++;
      } else if (value.kind === 'plain' && (code === byte.comma || code === byte.space || code === byte.return))
        return this.#finishValue(at);
    }
    Object.assign(value, { depth, inString, escaped });
    return chunk.length;
  }

  #finishValue(end: number): number {
    this.#value = undefined;
    return end;
  }

  *#afterValue(chunk: Buffer, end: number): Generator<Elements | Entry> {
    this.#batchCount++;
    this.#lastEnd = this.#earlierBytes + end - this.#batchStart;
    if (this.#place === 'element') {
      this.#place = 'after element';
      if (this.#lastEnd >= batchBytes) yield* this.#elements(chunk);
      return;
    }
    const [value] = this.#parse(chunk);
    if (this.#place === 'key') {
      if (typeof value !== 'string') this.#refuse('a key that is no text');
      this.#key = value as string;
      this.#place = 'colon';
    } else {
      this.#place = 'after value';
      yield { kind: 'entry', key: this.#key, value };
    }
  }

  *#punctuation(code: number, chunk: Buffer, at: number): Generator<Elements | Entry> {
    const place = this.#place;
    if (place === 'start' && code === byte.openObject) this.#place = 'key';
    else if (place === 'start' && code === byte.openList) this.#openList(true);
    else if (place === 'colon' && code === byte.colon) this.#place = 'value';
    else if (place === 'value' && code === byte.openList) this.#openList(false);
    else if (place === 'after value' && code === byte.comma) this.#place = 'key';
    else if ((place === 'after value' || place === 'key') && code === byte.closeObject) this.#place = 'end';
    else if (place === 'after element' && code === byte.comma) this.#place = 'element';
    else if (code === byte.closeList && (place === 'after element' || (place === 'element' && this.#isEmpty()))) {
      if (this.#batchCount > 0) yield* this.#elements(chunk);
      else if (this.#index === 0) yield { kind: 'entry', key: this.#key, value: [] };
      this.#place = this.#topIsList ? 'end' : 'after value';
    } else this.#refuse(JSON.stringify(chunk.toString('utf8', at, at + 20)));
  }

  #isEmpty = (): boolean => this.#index === 0 && this.#batchCount === 0;

  #openList(top: boolean): void {
    this.#topIsList = top;
    this.#index = 0;
    this.#place = 'element';
  }

  *#elements(chunk: Buffer): Generator<Elements> {
    const first = this.#index;
    const elements = this.#parse(chunk);
    this.#index += elements.length;
    yield { kind: 'elements', list: this.#key, first, elements };
  }

  /** Parses the whole values of the batch and begins a new one. */
  #parse(chunk: Buffer): unknown[] {
    const end = this.#lastEnd - this.#earlierBytes + this.#batchStart; // in this chunk; before it where negative
    const bytes = Buffer.concat([...this.#earlier, chunk.subarray(this.#batchStart, Math.max(this.#batchStart, end))]);
    const [starts, count, whole] = [this.#starts, this.#batchCount, bytes.subarray(0, this.#lastEnd)];
    this.#earlier = [];
    this.#earlierBytes = 0;
    this.#batchStart = -1;
    this.#batchCount = 0;
    this.#starts = [];
    try {
      const values = JSON.parse(`[${whole.toString('utf8')}]`) as unknown[];
      if (values.length === count) return values;
    } catch {} // some value is none: which one, is found below
    return this.#refuseValues(whole, starts);
  }

  /** Keeps the bytes of the batch that lie in this chunk. */
  #keep(chunk: Buffer): void {
    const part = chunk.subarray(this.#batchStart);
    this.#earlier.push(part);
    this.#earlierBytes += part.length;
    this.#batchStart = 0;
    if (this.#earlierBytes > mostElementBytes) this.#refuse(`a value of more than ${mostElementBytes} bytes`);
  }

  /** Refuses the first of several values that is no JSON, with the line where it begins. */
  #refuseValues(bytes: Buffer, starts: readonly Start[]): never {
    for (const [place, { at, line }] of starts.entries()) {
      const text = bytes
        .toString('utf8', at, starts[place + 1]?.at)
        .trim()
        .replace(/,$/, '');
      try {
        JSON.parse(text);
      } catch (error) {
        const reason = (error as Error).message;
        throw new InputError(`${this.#path}, line ${line}: expected JSON, got ${shown(text)} (${reason})`);
      }
    }
    return this.#refuse('values without commas between them');
  }

  #refuse(got: string): never {
    throw new InputError(
      `${this.#path}, line ${this.#line}: expected ${this.#what}, a JSON list or object, got ${got}`,
    );
  }
}
