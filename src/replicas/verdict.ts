// Why a training of several replicas ended, in memory that the meeting's thread shares with the main one: the main
// thread may be inside libtorch when the reason becomes known.

const sentenceStart = 8; // bytes: whether there is a sentence, and its length
const mostBytes = 4096;

export class Verdict {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(sentenceStart + mostBytes)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 2);
  }

  /** Says why. Only the first reason counts. */
  set(sentence: string): void {
    if (Atomics.load(this.#words, 0) !== 0) return;
    const bytes = Buffer.from(sentence).subarray(0, mostBytes);
    new Uint8Array(this.memory, sentenceStart).set(bytes);
    this.#words[1] = bytes.length;
    Atomics.store(this.#words, 0, 1);
    Atomics.notify(this.#words, 0);
  }

  /** Returns the reason, for which it waits some milliseconds; undefined: the training goes on. */
  get(milliseconds = 0): string | undefined {
    if (milliseconds > 0) Atomics.wait(this.#words, 0, 0, milliseconds);
    if (Atomics.load(this.#words, 0) === 0) return undefined;
    return Buffer.from(new Uint8Array(this.memory, sentenceStart, this.#words[1]!)).toString(); // a copy: not shared
  }
}
