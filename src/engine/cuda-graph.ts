// Work on a GPU captured once and replayed: hundreds of operators asked for by one call. What it reads and writes stays at the same
// memory; only what is in there changes. Nothing in it may wait for the device, ask it for a number, or come from the host.

import { switches } from '../environment.ts';
import { addon } from './addon.ts';

export class Graph {
  #number: number | undefined;

  private constructor(number: number) {
    this.#number = number;
  }

  /**
   * Notes what `body` asks the device for, without doing it. Tensors that it makes and that die in it are memory of the graph; those that
   * live on hold what the latest replay left there. @throws what `body` throws, and whatever cannot be captured
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

  /** Waits for replays under way; the graph's memory is free from here on. Disposing twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#number !== undefined) addon().abandonGraph!(this.#number);
    this.#number = undefined;
  }
}

/** Whether steps on this device are captured: on a GPU, where the addon has CUDA. NASNET_GRAPH=off goes without. */
export function capturesGraphs(device: string): boolean {
  return device.startsWith('cuda') && switches.graph && addon().beginCapture !== undefined;
}
