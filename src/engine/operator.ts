// Calls libtorch's operators: looks each up once, unwraps its tensor arguments and wraps its results by its schema.
// operators.ts and tensor.ts define the operators that the project uses; `call` is for others.
import { addon, type Handle, kind, type Schema } from './addon.ts';
import { Generator } from './random.ts';
import { Tensor } from './tensor.ts';
import { TensorList } from './tensor-list.ts';

export type Value =
  | Tensor
  | Generator
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | TensorList
  | readonly (Tensor | undefined)[]
  | readonly number[]
  | readonly boolean[];

export type Result = Tensor | Tensor[] | number | boolean | string | number[] | undefined;

export interface Operator {
  /** Returns the operator's only result, a tensor. In-place operators return the tensor that they wrote. */
  tensor(...values: Value[]): Tensor;
  /** Returns the operator's results if all are tensors, or its only result, a list of tensors. */
  tensors(...values: Value[]): Tensor[];
  /** Returns the operator's result: nothing, one result, or several in an array. */
  run(...values: Value[]): Result | Result[];
}

/** Is called after every operator, with its name and overload ('aten::add.Tensor'). */
export type Observer = (name: string, values: readonly Value[], result: Result | Result[]) => void;
let observer: Observer | undefined;

/** Runs `body` and reports every operator that it calls. */
export function observed<T>(report: Observer, body: () => T): T {
  const outer = observer;
  observer = report;
  try {
    return body();
  } finally {
    observer = outer;
  }
}

/** Returns an operator by its name and overload in libtorch's schemas; its first call looks it up. */
// A function, not a class, because tensor.ts and this file import each other and only functions are hoisted.
export function operator(name: string, overload = ''): Operator {
  let schema: Schema | undefined;
  const run = (...values: Value[]): Result | Result[] => {
    const native = addon();
    schema ??= native.schema(name, overload);
    const raw = native.call(schema.id, ...unwrap(schema, values));
    const result = wrapAll(raw, schema, values);
    observer?.(schema.name, values, result);
    return result;
  };
  return { run, tensor: run as Operator['tensor'], tensors: run as Operator['tensors'] };
}

/** Whether this libtorch has an operator with that name and overload. */
export function hasOperator(name: string, overload = ''): boolean {
  try {
    addon().schema(name, overload);
    return true;
  } catch {
    return false;
  }
}

function unwrap(schema: Schema, values: readonly Value[]): unknown[] {
  const raw: unknown[] = new Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    switch (schema.arguments[index]?.kind) {
      case kind.tensor:
        if (value instanceof Tensor) raw[index] = value.handle;
        else if (value == null && schema.arguments[index]!.optional) raw[index] = undefined;
        else throw mismatch(schema, index, 'a Tensor', value);
        break;
      case kind.tensorList:
      case kind.optionalTensorList:
        if (value instanceof TensorList && schema.arguments[index]!.kind === kind.tensorList) {
          raw[index] = value.number;
          break;
        }
        if (!Array.isArray(value)) throw mismatch(schema, index, 'an array of Tensors', value);
        raw[index] = handles(value, (other) => mismatch(schema, index, 'an array of Tensors', other));
        break;
      case kind.generator:
        if (value instanceof Generator) raw[index] = value.index;
        else if (value == null) raw[index] = undefined;
        else throw mismatch(schema, index, 'a Generator', value);
        break;
      default:
        raw[index] = value;
    }
  }
  return raw;
}

function handles(tensors: readonly unknown[], refuse: (other: unknown) => Error): Int32Array {
  const list = new Int32Array(tensors.length);
  for (let index = 0; index < tensors.length; index++) {
    const each = tensors[index];
    if (each instanceof Tensor) list[index] = each.handle;
    else if (each !== undefined) throw refuse(each);
  }
  return list;
}

function wrapAll(raw: unknown, { results }: Schema, values: readonly Value[]): Result | Result[] {
  if (results.length === 1) return wrap(raw, results[0]!, values);
  if (results.length === 0) return undefined;
  return (raw as unknown[]).map((item, index) => wrap(item, results[index]!, values) as Result);
}

function wrap(raw: unknown, result: Schema['results'][number], values: readonly Value[]): Result {
  if (result.writes >= 0) return values[result.writes] as Tensor;
  if (result.kind === kind.tensor) return Tensor.adopt(raw as Handle);
  if (result.kind === kind.tensorList) return Array.from(raw as Int32Array, (handle) => Tensor.adopt(handle));
  return raw as Result;
}

function mismatch(schema: Schema, index: number, expected: string, got: unknown): Error {
  const what = got === null || typeof got !== 'object' ? String(got) : (got.constructor?.name ?? 'an object');
  return new TypeError(`${schema.name}: ${schema.arguments[index]!.name}: expected ${expected}, got ${what}`);
}

const operators = new Map<string, Operator>();

/**
 * Calls any operator of libtorch or ours by name: `call('aten::add', 'Tensor', [a, b])`. Arguments are in the order of
 * the operator's schema; trailing ones with defaults can be omitted. Dtypes, devices and memory formats are strings.
 * In-place operators return the tensor that they wrote.
 */
export function call(name: string, overload: string, values: readonly Value[]): Result | Result[] {
  const key = `${name}.${overload}`;
  let known = operators.get(key);
  if (known === undefined) {
    known = operator(name, overload);
    operators.set(key, known);
  }
  return known.run(...values);
}
