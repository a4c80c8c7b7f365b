// Finds a network's classes by name, WordNet identifier (wnid), or number in one of three orders.

import { InputError } from '../failure.ts';
import { imagenetClasses, imagenetOffset } from './imagenet-classes.ts';

/** Orders of class numbers: the network's order from 0 or from 1, or that of the ImageNet challenge's devkit. */
export const labelOrders = ['sorted', 'sorted-from-1', 'devkit'] as const;
export type LabelOrder = (typeof labelOrders)[number];

export class ClassNames {
  readonly classes: readonly string[];
  readonly #places: Map<string, number>;
  /** Index of ImageNet's first class: 1 if there is a 'background'; undefined for other classes. */
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

  /** Returns the index of a class by its name or, for ImageNet's, by its wnid. */
  place(name: string): number | undefined {
    return this.#places.get(name);
  }

  /** Returns the wnid of a class of ImageNet, or of a class whose name is a wnid. */
  wnid(place: number): string | undefined {
    if (this.#offset !== undefined) return imagenetClasses[place - this.#offset]?.wnid;
    return namesByWnid().has(this.classes[place]!) ? this.classes[place] : undefined;
  }

  /** Returns the readable name of a class: ImageNet's name for a class whose name is a wnid. */
  title(place: number): string {
    const name = this.classes[place]!;
    return namesByWnid().get(name) ?? name;
  }

  /** Returns the readable names of all classes. */
  titles(): string[] {
    return this.classes.map((_, place) => this.title(place));
  }

  /**
   * Returns the index of class `number`, without ImageNet's 'background'. @throws InputError for the devkit's order
   * with other classes
   */
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

  /** Returns the valid numbers of `numbered`: "0 to 999". */
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

/** Formats a few names: "cat", "dog", "cow" and 3 more. */
export function fewNames(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name));
  return names.length > most ? `${shown.join(', ')} and ${names.length - most} more` : shown.join(', ');
}
