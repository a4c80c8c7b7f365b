// Creates tensors: from numbers, filled, random, or mapped from a file.
import { addon } from './addon.ts';
import { scope } from './memory.ts';
import { operator } from './operator.ts';
import type { Generator } from './random.ts';
import { type DType, type MemoryFormat, Tensor } from './tensor.ts';

export interface Options {
  /** Default: the dtype of a typed array, otherwise float32. */
  dtype?: DType | undefined;
  /** Default: 'cpu'. */
  device?: string | undefined;
  requiresGrad?: boolean | undefined;
  /** For empty: the memory format. */
  memoryFormat?: MemoryFormat | undefined;
  /** For rand, randn, randint, randperm: the random generator. Default: the engine's default generator. */
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
 * Creates a tensor with a copy of these numbers in row-major order.
 * @param shape default: one axis
 * @param options.dtype default: that of a typed array, float32 for plain numbers
 * @throws Error if the shape does not have exactly as many elements as there are numbers
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

/** Creates a tensor of this dtype from its bytes in row-major order, as `toBytes` returns them. */
export function fromBytes(bytes: Uint8Array, dtype: DType, shape: readonly number[]): Tensor {
  return Tensor.adopt(addon().fromBytes(bytes, dtype, shape));
}

/**
 * Creates a tensor that maps a file's bytes from `byteOffset` on. Pages are read when they are used, and processes that
 * map the same file share them. Intended for reading; writes to the tensor stay in this process.
 * @throws Error if the file is missing or too short
 */
export function mapFile(path: string, dtype: DType, shape: readonly number[], byteOffset = 0): Tensor {
  return Tensor.adopt(addon().mapFile(path, dtype, shape, byteOffset));
}

export function zeros(shape: readonly number[], options: Options = {}): Tensor {
  return withGradient(zerosOperator.tensor(shape, options.dtype ?? 'float32', 'strided', options.device), options);
}

export function ones(shape: readonly number[], options: Options = {}): Tensor {
  return withGradient(onesOperator.tensor(shape, options.dtype ?? 'float32', 'strided', options.device), options);
}

export function full(shape: readonly number[], value: number, options: Options = {}): Tensor {
  return withGradient(
    fullOperator.tensor(shape, value, options.dtype ?? 'float32', 'strided', options.device),
    options,
  );
}

/** Creates a tensor with uninitialised memory. */
export function empty(shape: readonly number[], options: Options = {}): Tensor {
  const { dtype = 'float32', device, memoryFormat } = options;
  return withGradient(emptyOperator.tensor(shape, dtype, 'strided', device, false, memoryFormat), options);
}

/** Creates a tensor of random numbers, uniform in [0, 1). */
export function rand(shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'float32';
  return withGradient(randOperator.tensor(shape, options.generator, dtype, 'strided', options.device), options);
}

/** Creates a tensor of normally distributed random numbers with mean 0 and deviation 1. */
export function randn(shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'float32';
  return withGradient(randnOperator.tensor(shape, options.generator, dtype, 'strided', options.device), options);
}

/** Creates a tensor of random integers from `low` to `high` − 1; int64 by default. */
export function randint(low: number, high: number, shape: readonly number[], options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return withGradient(
    randintOperator.tensor(low, high, shape, options.generator, dtype, 'strided', options.device),
    options,
  );
}

/** Creates a random permutation of 0 … count − 1: int64 [count]. */
export function randperm(count: number, options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return withGradient(randpermOperator.tensor(count, options.generator, dtype, 'strided', options.device), options);
}

/** Creates the numbers start, start + step, … below end; int64 by default. */
export function arange(start: number, end: number, step = 1, options: Options = {}): Tensor {
  const dtype = options.dtype ?? 'int64';
  return withGradient(arangeOperator.tensor(start, end, step, dtype, 'strided', options.device), options);
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

function finish(created: Tensor, { dtype, device, requiresGrad }: Options): Tensor {
  let result = created;
  if (dtype !== undefined && dtype !== created.dtype) result = replace(result, result.to(dtype));
  if (device !== undefined && device !== 'cpu') result = replace(result, result.to(device));
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

function replace(old: Tensor, next: Tensor): Tensor {
  old.dispose();
  return next;
}

function withGradient(created: Tensor, { requiresGrad }: Options): Tensor {
  if (requiresGrad) created.requiresGrad = true;
  return created;
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

/** Creates an index tensor as libtorch requires it: int64, with one axis unless a shape is given. */
export function indexTensor(indices: ArrayLike<number>, device?: string, shape?: readonly number[]): Tensor {
  // Both convert faster in libtorch than to BigInt in JavaScript; float64 has every safe integer.
  const numbers = indices instanceof Int32Array ? indices : Float64Array.from(indices);
  return scope(() => tensor(numbers, shape, { dtype: 'int64', device }));
}
