// The compiled addon: the types of its functions, and how it is loaded.
// Reading libtorch from a cold disk can take half a minute, so the first tensor operation loads it.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { namedAddon } from '../environment.ts';
import { Failure } from '../failure.ts';
import { mayTuneProcess } from './host-process.ts';

/** A tensor's index in the addon's table; 0 is no tensor. */
export type Handle = number;

/** The kinds of arguments and results that operator.ts unwraps (native/schema.h); all others are passed unchanged. */
export const kind = { tensor: 1, tensorList: 2, optionalTensorList: 3, generator: 4 } as const;

export interface Schema {
  id: number;
  /** The name with its overload: 'aten::add.Tensor'. */
  name: string;
  arguments: { name: string; kind: number; optional: boolean }[];
  /** `writes` is the index of the argument that the operator writes and returns (in-place operators), otherwise −1. */
  results: { kind: number; writes: number }[];
}

type NumberArray = Exclude<NodeJS.TypedArray, Float16Array>;

/** The functions of the addon, documented in native/*.h. */
export interface Addon {
  kinds(): Record<keyof typeof kind, number>;
  schema(name: string, overload: string): Schema;
  call(id: number, ...values: unknown[]): unknown;
  fromBytes(data: NumberArray, dtype: string, shape: readonly number[]): Handle;
  toBytes(tensor: Handle, target: NumberArray): void;
  mapFile(path: string, dtype: string, shape: readonly number[], byteOffset: number): Handle;
  shape(tensor: Handle): number[];
  strides(tensor: Handle): number[];
  dtype(tensor: Handle): string;
  device(tensor: Handle): string;
  release(tensors: Int32Array): void;
  leaveToCollector(tensor: Handle): void;
  createList(tensors: Int32Array): number;
  releaseList(list: number): void;
  liveTensors(): number;
  backward(output: Handle, gradient: Handle | undefined, retainGraph: boolean): void;
  gradient(outputs: Int32Array, inputs: Int32Array, outputGradients: Int32Array, createGraph: boolean): Int32Array;
  gradients(tensors: Int32Array): Int32Array;
  setGradient(tensor: Handle, gradient: Handle | undefined): void;
  clearGradients(tensors: Int32Array | number): void;
  requiresGradient(tensor: Handle): boolean;
  setRequiresGradient(tensor: Handle, requires: boolean): void;
  setGradientMode(enabled: boolean): boolean;
  manualSeed(seed: number): void;
  createGenerator(seed: number): number;
  releaseGenerator(generator: number): void;
  generatorState(source: number | string): Handle;
  setGeneratorState(target: number | string, state: Handle): void;
  setThreads(count: number): void;
  threads(): number;
  devices(): string[];
  synchronize(): void;
  version(): string;
  configuration(): string;
  kernelVersion(): string;
  groupTransports(): string;
  listenForRing(): number;
  openRing(rank: number, count: number, host: string, port: number, token: number, milliseconds: number): number;
  sumOver(group: number, tensor: Handle): void;
  broadcastFrom(group: number, tensor: Handle, root: number): void;
  endProcess(code: number, sentence: string): never;
  endAfterSignal(milliseconds: number, sentence: string): void;
  leaveSignals(): void;
  jpegDecoderName(): string | undefined;
  showJpeg(
    bytes: Uint8Array,
    part: readonly number[],
    size: number,
    changes: Float64Array,
    target: Uint8Array,
  ): boolean;
  readAhead(file: number, offset: number, length: number): void;
  showPixels(
    file: number,
    offset: number,
    height: number,
    width: number,
    part: readonly number[],
    size: number,
    changes: Float64Array,
    target: Uint8Array,
  ): boolean;
  createProgram(code: Float64Array, parameters: Int32Array): number;
  runProgram(program: number, images: Handle): Handle;
  releaseProgram(program: number): void;
  observeStep(inputs: Int32Array, constants: Int32Array, sibling: number | undefined): void;
  createStep(loss: Handle | undefined, outputs: Int32Array): number;
  runStep(step: number, inputs: Int32Array): Int32Array | undefined;
  releaseStep(step: number): void;
  // Present only if the addon was compiled with Gloo or NCCL (native/replicas/exports.h).
  openStore?(host: string, milliseconds: number): number;
  openGloo?(
    rank: number,
    count: number,
    storeHost: string,
    storePort: number,
    ownHost: string,
    milliseconds: number,
  ): number;
  ncclName?(): string;
  openNccl?(rank: number, count: number, name: string, milliseconds: number): number;
  // Present only if the addon was compiled with CUDA (native/cuda.h).
  useStream?(device: string, trial: boolean): void;
  beginCapture?(): number;
  endCapture?(graph: number): void;
  abandonGraph?(graph: number): void;
  replayGraph?(graph: number): void;
  deviceMemory?(device: string): number[];
  emptyCache?(): void;
}

let loaded: Addon | undefined;
let file: string | undefined;

/** Sets the file to load if NASNET_ADDON is not set. Has no effect after the addon is loaded. */
export function useAddon(path: string): void {
  file = path;
}

/** Returns the addon, which the first call loads. @throws Failure if it is missing or does not run on this machine */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

/** Returns the file of the addon, which threads of this process load, too. */
export const addonFile = (): string =>
  // bin/nasnet sets another file if the package's folder is read-only.
  namedAddon() ?? file ?? fileURLToPath(new URL('../../build/nasnet.node', import.meta.url));

function load(): Addon {
  const path = addonFile();
  // OpenMP reads these when libtorch loads. By default its threads spin for a long time while they wait for each other;
  // with other work on the machine, training on two threads then takes ten times as long. If they sleep at once, they
  // wake too late for the next operator of a small batch, so they spin for about 20 µs.
  if (mayTuneProcess()) {
    process.env.OMP_WAIT_POLICY ??= 'passive';
    process.env.GOMP_SPINCOUNT ??= '2000';
  }
  try {
    return checked(createRequire(import.meta.url)(path) as Addon);
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new Failure(
      `The tensor engine could not be loaded (${reason}). Run \`node scripts/setup.mjs\`, then \`nasnet doctor\`.`,
      { code: 'engine-not-loaded' },
    );
  }
}

/** Both sides name kinds by the same numbers, or every argument would be taken for another. */
function checked(native: Addon): Addon {
  const numbers = native.kinds?.();
  const names = Object.keys(kind) as (keyof typeof kind)[];
  if (names.some((name) => numbers?.[name] !== kind[name])) throw new Error('it was built from other sources');
  return native;
}
