// Lines on stderr that are redrawn in place on a terminal, and stay plain lines elsewhere.

/** Draws a block of lines over the one before it; on a stream that is no terminal it prints only what `log` is given. */
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
    this.#stream.write(`${this.#up()}${lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[J`);
    this.#drawn = lines.length;
  }

  /** Prints a line that stays, above the block. */
  log(line: string): void {
    this.#stream.write(this.live ? `${this.#up()}\x1b[J${line}\n` : `${line}\n`);
    this.#drawn = 0;
  }

  #up(): string {
    return this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
  }
}
