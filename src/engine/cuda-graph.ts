// Captures work on a GPU once and replays it: one call launches hundreds of operators. A graph always reads and writes
// the same memory, whose contents may change. It must not wait for the device, read a number from it, or copy from the
// host.

import { switches } from '../environment.ts';
import { addon } from './addon.ts';

export class Graph {
  #number: number | undefined;

  private constructor(number: number) {
    this.#number = number;
  }

  /**
   * Records the device's work in `body` without running it. Tensors that `body` creates and frees are memory of the
   * graph; other tensors that it creates contain the results of the latest replay.
   * @throws what `body` throws, and Error for work that cannot be captured
   */
  static capture(body: () => void): Graph {
    const native = addon();
    if (!native.beginCapture) throw new Error('capture: the addon was compiled without CUDA');
    const number = native.beginCapture();
    try {
      body();
      native.endCapture!(number);
      return new Graph(number);
    } catch (error) {
      native.abandonGraph!(number);
      throw error;
    }
  }

  replay(): void {
    if (this.#number === undefined) throw new Error('The graph was disposed: it cannot be replayed any more');
    addon().replayGraph!(this.#number);
  }

  /** Waits for running replays and frees the graph's memory. Can be called twice. */
  [Symbol.dispose](): void {
    if (this.#number !== undefined) addon().abandonGraph!(this.#number);
    this.#number = undefined;
  }
}

/** Whether steps on this device are captured: true on a GPU if the addon has CUDA, unless NASNET_GRAPH=off. */
export function capturesGraphs(device: string): boolean {
  return device.startsWith('cuda') && switches.graph && addon().beginCapture !== undefined;
}
