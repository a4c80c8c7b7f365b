// libtorch's random generators: the default ones of dropout and randn, and separate ones. They give the same numbers
// only on the same machine and libtorch; ../random has streams that are the same on every platform.
import { addon } from './addon.ts';
import { Tensor } from './tensor.ts';

/** Seeds the default generator of every device. `seed` is a whole number below 2^53. */
export function manualSeed(seed: number): void {
  addon().manualSeed(seed);
}

/** Returns the state of a device's default generator, for `setGeneratorState`. About 5,056 bytes on the CPU. */
export function generatorState(device = 'cpu'): Uint8Array {
  return stateOf(device);
}

/** Restores the state of a device's default generator that `generatorState` returned. */
export function setGeneratorState(state: Uint8Array, device = 'cpu'): void {
  restore(device, state);
}

const registry = new FinalizationRegistry<number>((index) => addon().releaseGenerator(index));

/** A separate random generator on the CPU, for the `generator` argument of operators. */
export class Generator {
  readonly index: number;

  constructor(seed: number) {
    this.index = addon().createGenerator(seed);
    registry.register(this, this.index);
  }

  state(): Uint8Array {
    return stateOf(this.index);
  }

  setState(state: Uint8Array): void {
    restore(this.index, state);
  }
}

function stateOf(source: number | string): Uint8Array {
  const state = Tensor.adopt(addon().generatorState(source));
  try {
    return state.toArray() as Uint8Array;
  } finally {
    state.dispose();
  }
}

function restore(target: number | string, state: Uint8Array): void {
  const native = addon();
  const tensor = Tensor.adopt(native.fromBytes(state, 'uint8', [state.length]));
  try {
    native.setGeneratorState(target, tensor.handle);
  } finally {
    tensor.dispose();
  }
}
