// What people and label files call a network's classes: names, WordNet identifiers, numbers in one of three orders.

import { InputError } from '../failure.ts';
import { imagenetClasses, imagenetOffset } from './imagenet-classes.ts';

/** How numbers count classes: along the network's own from 0 or from 1, or as the ImageNet challenge's devkit does. */
export const labelOrders = ['sorted', 'sorted-from-1', 'devkit'] as const;
export type LabelOrder = (typeof labelOrders)[number];

export class ClassNames {
  readonly classes: readonly string[];
  readonly #places: Map<string, number>;
  /** Of ImageNet's first class among these: 1 behind 'background'; undefined for other classes. */
  readonly #offset: 0 | 1 | undefined;

  constructor(classes: readonly string[]) {
    this.classes = classes;
    this.#offset = imagenetOffset(classes);
    this.#places = new Map([...classes.entries()].map(([place, name]) => [name, place]));
    if (this.#offset !== undefined) {
      for (const [index, { wnid }] of imagenetClasses.entries()) this.#places.set(wnid, index + this.#offset);
    }
  }

  get areImagenets(): boolean {
    return this.#offset !== undefined;
  }

  /** The place of a class by its name or, of ImageNet's, by its wnid. */
  place(name: string): number | undefined {
    return this.#places.get(name);
  }

  /** The wnid of the class at a place: of ImageNet's classes, and of a class that is called by it, as folders of its images are. */
  wnid(place: number): string | undefined {
    if (this.#offset !== undefined) return imagenetClasses[place - this.#offset]?.wnid;
    return namesByWnid().has(this.classes[place]!) ? this.classes[place] : undefined;
  }

  /** What people call the class at a place: ImageNet's word for one that is called by its wnid. */
  title(place: number): string {
    const name = this.classes[place]!;
    return namesByWnid().get(name) ?? name;
  }

  /** The place of class `number`. ImageNet's are counted without 'background'. @throws InputError for the devkit's order elsewhere */
  numbered(number: number, order: LabelOrder): number | undefined {
    const offset = this.#offset ?? 0;
    if (order === 'devkit') {
      if (this.#offset === undefined) {
        throw new InputError(
          `label order: expected sorted or sorted-from-1 for a network of other classes than ImageNet's, got devkit`,
          { code: 'label-order' },
        );
      }
      const index = devkitOrder().get(number);
      return index === undefined ? undefined : index + offset;
    }
    const index = order === 'sorted' ? number : number - 1;
    return index >= 0 && index + offset < this.classes.length ? index + offset : undefined;
  }

  /** "0 to 999": the numbers that `numbered` knows. */
  range(order: LabelOrder): string {
    const count = this.classes.length - (this.#offset ?? 0);
    return order === 'sorted' ? `0 to ${count - 1}` : `1 to ${count}`;
  }
}

let wnids: Map<string, string> | undefined;

function namesByWnid(): Map<string, string> {
  wnids ??= new Map(imagenetClasses.map(({ wnid, name }) => [wnid, name]));
  return wnids;
}

let devkit: Map<number, number> | undefined;

function devkitOrder(): Map<number, number> {
  devkit ??= new Map(imagenetClasses.map(({ devkitNumber }, index) => [devkitNumber, index]));
  return devkit;
}

/** A few names in a sentence: "cat", "dog", "cow" and 3 more. */
export function fewNames(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name));
  return names.length > most ? `${shown.join(', ')} and ${names.length - most} more` : shown.join(', ');
}
