// A network in a thread of its own (worker.js), so that the page answers while it computes.

/** A computation that was ended for a newer one. */
export class Superseded extends Error {}

export class Network {
  #source;
  #thread;
  #opening;
  #file;

  /**
   * @param {{ script: string, modules: { runtime: string, image: string, model: string }, wasm?: Blob }} source addresses of
   * worker.js, onnxruntime-web, image.js and model.js, and the runtime's WebAssembly if the page contains it; otherwise the
   * runtime fetches it from its folder
   */
  constructor(source) {
    this.#source = source;
  }

  get isOpen() {
    return this.#file !== undefined;
  }

  /**
   * Opens an .onnx file; until it is open, the model before stays.
   * @returns what the file says
   * @throws Superseded if another file is opened meanwhile; Error if it is no model, or too large
   */
  async open(/** @type {Blob} */ file) {
    this.#opening?.end();
    const thread = new Thread(this.#source, file);
    this.#opening = thread;
    try {
      const description = await thread.opened;
      this.#thread?.end();
      [this.#thread, this.#file] = [thread, file];
      return description;
    } catch (error) {
      thread.end();
      throw error;
    } finally {
      if (this.#opening === thread) this.#opening = undefined;
    }
  }

  /**
   * Shows the network a picture. A computation for an older picture ends at once: it cannot be stopped but with its thread.
   * @param onSize called with width and height of the picture
   * @throws Superseded if a newer picture or model ends it; Error if it is no picture, or too large
   */
  async look(/** @type {Blob} */ picture, onSize) {
    if (this.#thread?.isBusy) this.#drop(this.#thread);
    this.#thread ??= new Thread(this.#source, this.#file);
    const thread = this.#thread;
    try {
      await thread.opened;
      return await thread.ask('look', picture, onSize);
    } catch (error) {
      if (!error.isOfPicture) this.#drop(thread); // it may be out of memory
      throw error;
    }
  }

  #drop(thread) {
    thread.end();
    if (this.#thread === thread) this.#thread = undefined;
  }
}

class Thread {
  #worker;
  #asked = new Map();
  #ids = 0;

  constructor({ script, modules, wasm }, file) {
    this.#worker = new Worker(script);
    this.#worker.addEventListener('message', ({ data: { id, part, error, result } }) => {
      const { resolve, reject, onPart } = this.#asked.get(id) ?? {};
      if (!resolve) return; // it was ended
      if (part) return onPart?.(part);
      this.#asked.delete(id);
      if (error) reject(Object.assign(new Error(error.sentence), { isOfPicture: error.isOfPicture }));
      else resolve(result);
    });
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#rejectAll(new Error(`The browser ended the network's thread (${event.message ?? 'without a reason'}).`));
    });
    this.opened = this.ask('open', { modules, wasm, file });
    this.opened.catch(() => {}); // reported by who waits for it
  }

  get isBusy() {
    return this.#asked.size > 0;
  }

  ask(task, input, onPart) {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, onPart });
      this.#worker.postMessage({ id, task, input });
    });
  }

  end() {
    this.#worker.terminate();
    this.#rejectAll(new Superseded('ended for a newer one'));
  }

  #rejectAll(error) {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}
