// Lines on stderr that are redrawn in place on a terminal; plain lines elsewhere.

import { stripVTControlCharacters } from 'node:util';
import { visible } from '../../visible.ts';

const segments = new Intl.Segmenter();
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Truncates a line to a number of columns. */
export function cutTo(line: string, columns: number): string {
  let text = '';
  let left = columns;
  for (const { segment } of segments.segment(visible(stripVTControlCharacters(line).replaceAll('\t', ' ')))) {
    left -= wide.test(segment) ? 2 : 1;
    if (left < 0) return text;
    text += segment;
  }
  return text;
}

/** Draws a block of lines in place of the previous one; without a terminal it only prints lines of `log`. */
export class LiveBlock {
  #stream: NodeJS.WriteStream;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  get live(): boolean {
    return this.#stream.isTTY === true;
  }

  get width(): number {
    return this.#stream.columns || 80;
  }

  draw(lines: string[]): void {
    if (!this.live) return;
    const cut = lines.map((line) => cutTo(line, this.width - 1)); // wrapped lines would displace the next block
    this.#stream.write(`${this.#up()}${cut.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[J`);
    this.#drawn = lines.length;
  }

  /** Prints a permanent line above the block. */
  log(line: string): void {
    const shown = visible(line);
    this.#stream.write(this.live ? `${this.#up()}\x1b[J${shown}\n` : `${shown}\n`);
    this.#drawn = 0;
  }

  #up(): string {
    return this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
  }
}

/** Prints nothing: of a process whose work another one reports. */
export class SilentBlock extends LiveBlock {
  override draw(): void {}
  override log(): void {}
}
