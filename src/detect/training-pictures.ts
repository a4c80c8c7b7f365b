// The pictures of a detector's training step by step, or a replica's part of them: read, placed at random and, while a
// step runs, ready for the next one.

import { type BatchPart, partRange, wholeBatch } from '../data/batch-part.ts';
import type { DetectionPicture } from '../detection-data/detection-dataset.ts';
import { InputError } from '../failure.ts';
import type { RandomStream } from '../random/stream.ts';
import type { DetectionRecipe } from './detection-recipe.ts';
import type { DetectorSettings } from './detector-settings.ts';
import type { Truth } from './losses.ts';
import { framePicture, randomPlacement, truthOf } from './pictures.ts';

/** Pictures of a step, one after another in its batch. */
export interface StepPictures {
  /** RGB bytes [height, width, 3] of each. */
  pixels: Uint8Array[];
  truths: Truth[];
  /** Place of the first one in the step's batch. */
  first: number;
  /** Share of them in the step's loss: all of a batch have 1 together. */
  share: number;
}

export interface TrainingPicturesOptions {
  recipe: Pick<DetectionRecipe, 'batchSize' | 'flip' | 'jitter'>;
  settings: Pick<DetectorSettings, 'input' | 'framing'>;
  random: RandomStream;
  /** Default: the whole batch. */
  part?: BatchPart | undefined;
  /** Called once for each picture that cannot be read; the next one takes its place. */
  onUnreadable?: ((sentence: string) => void) | undefined;
}

/** As many pictures one after another that cannot be read end a training. */
const mostUnreadable = 16;

export class TrainingPictures {
  /** Steps of an epoch; the last batch may be smaller. */
  readonly stepsPerEpoch: number;
  readonly #pictures: readonly DetectionPicture[];
  readonly #options: TrainingPicturesOptions;
  readonly #reported = new Set<string>();
  #ahead: { step: number; batch: Promise<StepPictures> } | undefined;
  #order: { epoch: number; places: Int32Array } | undefined;

  constructor(pictures: readonly DetectionPicture[], options: TrainingPicturesOptions) {
    this.#pictures = pictures;
    this.#options = options;
    this.stepsPerEpoch = Math.ceil(pictures.length / options.recipe.batchSize);
  }

  /** The number of pictures of a step, in all parts. */
  count(step: number): number {
    const { batchSize } = this.#options.recipe;
    return Math.min(batchSize, this.#pictures.length - (step % this.stepsPerEpoch) * batchSize);
  }

  /** Returns the part of a step's batch, and begins to read the next one if there is one. */
  async take(step: number, hasNext: boolean): Promise<StepPictures> {
    const batch = this.#ahead?.step === step ? this.#ahead.batch : this.#read(step);
    const read = await batch;
    if (hasNext) {
      const next = this.#read(step + 1);
      next.catch(() => {}); // reported by the step that takes it
      this.#ahead = { step: step + 1, batch: next };
    }
    return read;
  }

  async #read(step: number): Promise<StepPictures> {
    const { recipe, part = wholeBatch } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const [total, before] = [this.count(step), (step % this.stepsPerEpoch) * recipe.batchSize];
    const { first, length } = partRange(part, total);
    // A part without pictures takes a share of 0 of the first one, since replicas take each step together.
    const [from, count] = length > 0 ? [first, length] : [0, 1];
    const places = this.#orderOf(epoch).subarray(before + from, before + from + count);
    const framed = await Promise.all(Array.from(places, (place) => this.#readable(place, epoch)));
    return {
      pixels: framed.map(({ pixels }) => pixels),
      truths: framed.map(({ truth }) => truth),
      first: from,
      share: length / total,
    };
  }

  /** Reads a picture, or the first one after it that can be read. */
  async #readable(first: number, epoch: number): Promise<{ pixels: Uint8Array; truth: Truth }> {
    const count = this.#pictures.length;
    for (let tried = 1; ; tried++) {
      const place = (first + tried - 1) % count;
      try {
        return await this.#shown(place, epoch);
      } catch (error) {
        const isLasting = error instanceof InputError && error.code !== 'unreadable-now';
        if (!isLasting || tried === Math.min(mostUnreadable, count)) throw error;
        this.#report(error.message);
      }
    }
  }

  async #shown(place: number, epoch: number) {
    const { recipe, settings, random: seeds } = this.#options;
    const { input, framing } = settings;
    const picture = this.#pictures[place]!;
    const random = seeds.split(`epoch ${epoch}, picture ${place}`);
    const placed = (size: readonly [number, number]) => randomPlacement(size, input, framing, recipe, random);
    const { pixels, placement } = await framePicture(picture.path, input, placed, 'fast');
    return { pixels, truth: truthOf(picture, placement) };
  }

  #report(sentence: string): void {
    if (this.#reported.has(sentence)) return;
    this.#reported.add(sentence);
    this.#options.onUnreadable?.(sentence);
  }

  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch !== epoch)
      this.#order = { epoch, places: this.#options.random.split(`epoch ${epoch}`).shuffle(this.#pictures.length) };
    return this.#order.places;
  }
}

/** Divides pictures into at most `count` parts of about equal size. */
export function partsOfPictures(pictures: StepPictures, count: number): StepPictures[] {
  const { pixels, truths, first, share } = pictures;
  if (count === 1) return [pictures];
  return Array.from({ length: count }, (_, index) => partRange({ index, count }, pixels.length))
    .filter(({ length }) => length > 0)
    .map(({ first: from, length }) => ({
      pixels: pixels.slice(from, from + length),
      truths: truths.slice(from, from + length),
      first: first + from,
      share: (share * length) / pixels.length,
    }));
}
