// Watches the operators that a piece of code calls: which, on what, for how long. It stands between the engine and its addon, so
// that whatever the network really calls is seen, today's operators and tomorrow's. Only benchmarks use it.
import { addon, type Handle, type Schema } from '../src/engine/addon.ts';

/** A tensor as it was when an operator took it. */
export interface Operand {
  shape: number[];
  strides: number[];
  dtype: string;
  requiresGradient: boolean;
  /** Of small tensors of whole numbers (labels), what they held. */
  bytes?: Uint8Array;
}

export interface RecordedCall {
  /** In libtorch's schemas: 'aten::add_.Tensor'. */
  name: string;
  /** In the operator's order; everything but tensors as it was given. */
  values: (Operand | (Operand | undefined)[] | unknown)[];
  /** Which of the values are tensors, or lists of them. */
  kinds: ('tensor' | 'list' | 'plain')[];
  /** Argument that an in-place operator overwrote. */
  writes: number;
  results: Operand[];
  milliseconds: number;
}

const kinds: Partial<Record<number, 'tensor' | 'list'>> = { 1: 'tensor', 2: 'list', 3: 'list' }; // native/schema.h
const smallest = 4096; // elements of what is kept as bytes

/** All operators that `run` calls in this thread, in order. Backward is one call of the addon: see `onBackward`. */
export function record(run: () => void, onBackward: (milliseconds: number) => void = () => {}): RecordedCall[] {
  const native = addon();
  const { call, backward } = native;
  const calls: RecordedCall[] = [];
  native.call = (id, ...raw) => {
    const { name, arguments: expected, results } = schemaOf(id);
    const kindsOfThese = raw.map((_, index) => kinds[expected[index]?.kind ?? 0] ?? ('plain' as const));
    const values = raw.map((value, index) => seen(value, kindsOfThese[index]!));
    const start = performance.now();
    const found = call(id, ...raw);
    const milliseconds = performance.now() - start;
    calls.push({
      name,
      values,
      kinds: kindsOfThese,
      writes: results[0]?.writes ?? -1,
      results: results.flatMap(({ kind, writes }, index) => {
        const made = writes >= 0 ? raw[writes] : results.length === 1 ? found : (found as unknown[])[index];
        if (kinds[kind] === 'tensor') return made ? [operand(made as Handle)] : [];
        return kinds[kind] === 'list' ? Array.from(made as Int32Array, operand) : [];
      }),
      milliseconds,
    });
    return found;
  };
  native.backward = (...given) => {
    const start = performance.now();
    backward(...given);
    onBackward(performance.now() - start);
  };
  try {
    run();
  } finally {
    Object.assign(native, { call, backward });
  }
  return calls;
}

const schemas = new Map<number, Schema>();

/** The operators looked up since `watchSchemas`, by their number. @throws Error for one looked up before */
function schemaOf(id: number): Schema {
  const found = schemas.get(id);
  if (!found) throw new Error(`operator ${id} was looked up before the recording began: call watchSchemas first`);
  return found;
}

/** To be called before the first operator of the process: an operator is looked up once, and named only then. */
export function watchSchemas(): void {
  const native = addon();
  const { schema } = native;
  native.schema = (name, overload) => {
    const found = schema(name, overload);
    schemas.set(found.id, found);
    return found;
  };
}

function seen(value: unknown, kind: RecordedCall['kinds'][number]): unknown {
  if (kind === 'tensor') return value ? operand(value as Handle) : undefined;
  if (kind === 'list') return Array.from(value as Int32Array, (handle) => (handle ? operand(handle) : undefined));
  return value;
}

function operand(handle: Handle): Operand {
  const native = addon();
  const [shape, dtype] = [native.shape(handle), native.dtype(handle)];
  const seen: Operand = {
    shape,
    strides: native.strides(handle),
    dtype,
    requiresGradient: native.requiresGradient(handle),
  };
  const size = shape.reduce((product, side) => product * side, 1);
  if (dtype !== 'int64' || size > smallest) return seen;
  const bytes = new Uint8Array(8 * size);
  native.toBytes(handle, bytes);
  return { ...seen, bytes };
}
