// New tensors: from numbers, filled, random, or mapped from a file.

import { addon } from './addon.ts';
import { scope } from './memory.ts';
import { operator } from './operator.ts';
import type { Generator } from './random.ts';
import { type DType, type MemoryFormat, Tensor } from './tensor.ts';

export interface Options {
  /** Default: what the numbers suggest (float32 for plain numbers), else float32. */
  dtype?: DType | undefined;
  /** Default: 'cpu'. */
  device?: string | undefined;
  requiresGrad?: boolean | undefined;
  /** For empty: the order in memory. */
  memoryFormat?: MemoryFormat | undefined;
  /** For rand, randn, randint, randperm: the generator to draw from instead of the default one. */
  generator?: Generator | undefined;
}

export type Numbers =
  | readonly number[]
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;

/**
 * A tensor with a copy of these numbers in row-major order; without a shape, one axis. Throws when the shape does not hold
 * exactly as many numbers. Plain numbers become float32 unless a dtype is given.
 */
export function tensor(numbers: Numbers, shape: readonly number[] = [numbers.length], options: Options = {}): Tensor {
  const count = shape.reduce((product, length) => product * length, 1);
  if (numbers.length !== count)
    throw new Error(`tensor: expected ${count} numbers for the shape [${shape.join(', ')}], got ${numbers.length}`);
  const exact = options.dtype !== undefined && options.dtype !== 'float32';
  const data = Array.isArray(numbers) ? (exact ? new Float64Array(numbers) : new Float32Array(numbers)) : numbers;
  return finish(
    Tensor.adopt(addon().fromBytes(data as NumberArray, naturalDtype(data as NumberArray), shape)),
    options,
  );
}

/** A tensor of this dtype from its bytes in row-major order, as `toBytes` gives them. */
export function fromBytes(bytes: Uint8Array, dtype: DType, shape: readonly number[]): Tensor {
  return Tensor.adopt(addon().fromBytes(bytes, dtype, shape));
}

/**
 * A tensor on a file's bytes, from `byteOffset` on: nothing is read before it is used, and processes that map the same file
 * share its pages. Meant for reading; what is written to it stays in this process. Throws when the file is missing or shorter.
 */
export function mapFile(path: string, dtype: DType, shape: readonly number[], byteOffset = 0): Tensor {
  return Tensor.adopt(addon().mapFile(path, dtype, shape, byteOffset));
}

export function zeros(shape: readonly number[], options: Options = {}): Tensor {
  return fresh(zerosOperator.tensor(shape, options.dtype ?? 'float32', 'strided', options.device), options);
}

export function ones(shape: readonly number[], options: Options = {}): Tensor {
  return fresh(onesOperator.tensor(shape, options.dtype ?? 'float32', 'strided', options.device), options);
}

export function full(shape: readonly number[], value: number, options: Options = {}): Tensor {
  return fresh(fullOperator.tensor(shape, value, options.dtype ?? 'float32', 'strided', options.device), options);
}

/** Memory as it comes: whatever it held before. */
export function empty(shape: readonly number[], options: Options = {}): Tensor {
  const { dtype = 'float32', device, memoryFormat } = options;
  return fresh(emptyOperator.tensor(shape, dtype, 'strided', device, false, memoryFormat), options);
}

/** Uniform in [0, 1). */
export function rand(shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'float32';
  return fresh(randOperator.tensor(shape, options.generator, dtype, 'strided', options.device), options);
}

/** Normal with mean 0 and deviation 1. */
export function randn(shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'float32';
  return fresh(randnOperator.tensor(shape, options.generator, dtype, 'strided', options.device), options);
}

/** Whole numbers from `low` to below `high`; int64 by default. */
export function randint(low: number, high: number, shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return fresh(randintOperator.tensor(low, high, shape, options.generator, dtype, 'strided', options.device), options);
}

/** A random order of 0 … count − 1: int64 [count]. */
export function randperm(count: number, options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return fresh(randpermOperator.tensor(count, options.generator, dtype, 'strided', options.device), options);
}

/** start, start + step, … below end; int64 by default. */
export function arange(start: number, end: number, step = 1, options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return fresh(arangeOperator.tensor(start, end, step, dtype, 'strided', options.device), options);
}

export function zerosLike(source: Tensor): Tensor {
  return zerosLikeOperator.tensor(source);
}

export function onesLike(source: Tensor): Tensor {
  return onesLikeOperator.tensor(source);
}

type NumberArray = Exclude<NodeJS.TypedArray, Float16Array>;

function naturalDtype(data: NumberArray): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return 'uint8';
  throw new TypeError(`tensor: expected numbers, got ${(data as object).constructor.name}`);
}

function finish(made: Tensor, { dtype, device, requiresGrad }: Options): Tensor {
  let result = made;
  if (dtype !== undefined && dtype !== made.dtype) result = replace(result, result.to(dtype));
  if (device !== undefined && device !== 'cpu') result = replace(result, result.to(device));
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

function replace(old: Tensor, next: Tensor): Tensor {
  old.dispose();
  return next;
}

function fresh(made: Tensor, { requiresGrad }: Options): Tensor {
  if (requiresGrad) made.requiresGrad = true;
  return made;
}

const zerosOperator = operator('aten::zeros');
const onesOperator = operator('aten::ones');
const fullOperator = operator('aten::full');
const emptyOperator = operator('aten::empty', 'memory_format');
const randOperator = operator('aten::rand', 'generator');
const randnOperator = operator('aten::randn', 'generator');
const randintOperator = operator('aten::randint', 'low_generator');
const randpermOperator = operator('aten::randperm', 'generator');
const arangeOperator = operator('aten::arange', 'start_step');
const zerosLikeOperator = operator('aten::zeros_like');
const onesLikeOperator = operator('aten::ones_like');

/** Indices as libtorch takes them: int64, in one axis unless a shape is given. */
export function indexTensor(indices: ArrayLike<number>, device?: string, shape?: readonly number[]): Tensor {
  const numbers =
    indices instanceof Int32Array // libtorch makes them longer faster than JavaScript
      ? indices
      : BigInt64Array.from({ length: indices.length }, (_, place) => BigInt(indices[place]!));
  return scope(() => tensor(numbers, shape, { dtype: 'int64', device }));
}
