// One libtorch operator as a typed call: looked up once, its tensors unwrapped and its results wrapped by its schema.
// operators.ts and tensor.ts name the ones that the project uses; `call` is for the rare rest.
import { addon, type Handle, kind, type Schema } from './addon.ts';
import { Generator } from './random.ts';
import { Tensor } from './tensor.ts';

export type Value =
  | Tensor
  | Generator
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | readonly (Tensor | undefined)[]
  | readonly number[]
  | readonly boolean[];

export type Result = Tensor | Tensor[] | number | boolean | string | number[] | undefined;

export interface Operator {
  /** The operator's only result, a tensor. In-place operators return the tensor they wrote. */
  tensor(...values: Value[]): Tensor;
  /** The operator's results, all of them tensors (or its one list of tensors). */
  tensors(...values: Value[]): Tensor[];
  /** Whatever the operator returns: nothing, one result, or several in an array. */
  run(...values: Value[]): Result | Result[];
}

/** An operator by its name and overload in libtorch's schemas, looked up at its first use. */
// A function, not a class: tensor.ts and this file import each other, and functions are there before either file has run.
export function operator(name: string, overload = ''): Operator {
  let schema: Schema | undefined;
  const run = (...values: Value[]): Result | Result[] => {
    const native = addon();
    schema ??= native.schema(name, overload);
    const found = native.call(schema.id, ...unwrap(schema, values));
    const { results } = schema;
    if (results.length === 1) return wrap(found, results[0]!, values);
    if (results.length === 0) return undefined;
    return (found as unknown[]).map((each, index) => wrap(each, results[index]!, values) as Result);
  };
  return { run, tensor: run as Operator['tensor'], tensors: run as Operator['tensors'] };
}

/** Whether this libtorch has an operator of that name and overload. */
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

function wrap(found: unknown, result: Schema['results'][number], values: readonly Value[]): Result {
  if (result.writes >= 0) return values[result.writes] as Tensor;
  if (result.kind === kind.tensor) return Tensor.adopt(found as Handle);
  if (result.kind === kind.tensorList) return Array.from(found as Int32Array, (handle) => Tensor.adopt(handle));
  return found as Result;
}

function mismatch(schema: Schema, index: number, expected: string, got: unknown): Error {
  const what = got === null || typeof got !== 'object' ? String(got) : (got.constructor?.name ?? 'an object');
  return new TypeError(`${schema.name}: ${schema.arguments[index]!.name}: expected ${expected}, got ${what}`);
}

const operators = new Map<string, Operator>();

/**
 * Any operator of libtorch, or registered beside them, by name: `call('aten::add', 'Tensor', [a, b])`.
 * Arguments follow the operator's schema in order; trailing ones with defaults may be left out. Dtypes, devices and memory
 * formats are strings. In-place operators return the tensor they wrote.
 */
export function call(name: string, overload: string, values: readonly Value[]): Result | Result[] {
  const key = `${name}.${overload}`;
  let found = operators.get(key);
  if (found === undefined) {
    found = operator(name, overload);
    operators.set(key, found);
  }
  return found.run(...values);
}
