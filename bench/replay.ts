// Replays a recorded operator alone on tensors of the same shapes, to time its forward and backward pass, and computes
// its minimum work: multiplications, and bytes that must be read and written once.
import { empty, fromBytes, onesLike, rand, randn, zeros } from '../src/engine/create.ts';
import { backward } from '../src/engine/gradient.ts';
import { scope } from '../src/engine/memory.ts';
import { call, type Value } from '../src/engine/operator.ts';
import type { DType, Tensor } from '../src/engine/tensor.ts';
import type { Operand, RecordedCall } from './recorder.ts';

/** Floating-point operations (two per multiply-add) and minimum bytes of memory traffic. */
export interface Work {
  operations: number;
  bytes: number;
}

export interface Times {
  /** Milliseconds of one call. */
  forward: number;
  backward: number;
}

const isOperand = (value: unknown): value is Operand =>
  typeof value === 'object' && value !== null && 'strides' in value;

export const operands = (recorded: RecordedCall): Operand[] => recorded.values.flat().filter(isOperand);

/** Whether the call has a backward pass. */
const isLearned = ({ results }: RecordedCall) => results.some(({ requiresGradient }) => requiresGradient);

const elements = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

const bytesEach: Record<string, number> = { float32: 4, bfloat16: 2 };

const bytesOf = (some: readonly Operand[]) =>
  some.reduce((sum, { shape, dtype }) => sum + (bytesEach[dtype] ?? 4) * elements(shape), 0);

/** Operators whose gradient does not need the input. */
const linearInInput =
  /::(add|cat|mean|average_pool|avg_pool|sum|constant_pad|select|slice|flatten|reshape|contiguous|dropout)/;

/** Operators that return views and move no data. */
const isView =
  /::(flatten|reshape|contiguous|select|slice|view|detach|expand|unfold|transpose|permute|squeeze|unsqueeze|to|dropout)\b/;

/**
 * Returns the work of a call's forward and backward pass. Every weight of a convolution or linear layer is multiplied
 * once for each pixel of the result; a pool reads each pixel of its window. Backward needs as many products for the
 * weights' gradient, and again for the input's if it is required.
 */
export function workOf(recorded: RecordedCall): { forward: Work; backward: Work } {
  const { name, results, values } = recorded;
  const inputs = operands(recorded).filter(({ dtype }) => dtype in bytesEach);
  const learned = isLearned(recorded);
  const output = results[0]?.shape ?? [];
  const pixels = output.length === 4 ? output[0]! * output[2]! * output[3]! : (output[0] ?? 0);
  const multiplies = /conv|unit|linear|addmm|mm\b/.test(name);
  const weights = multiplies ? inputs.slice(1).filter(({ shape }) => shape.length > 1) : [];
  const window = /pool/.test(name) && Array.isArray(values[1]) ? elements(values[1] as number[]) : 0;
  const products = 2 * pixels * weights.reduce((sum, { shape }) => sum + elements(shape), 0);
  const operations = products + window * elements(output);
  if (isView.test(name)) return { forward: noWork, backward: noWork };

  const written = recorded.writes >= 0 ? bytesOf(inputs.slice(0, 1)) : bytesOf(results);
  const wanted = inputs.filter(({ requiresGradient }) => requiresGradient);
  const [data] = inputs;
  const passes = weights.length > 0 ? 1 + Number(data?.requiresGradient ?? false) : 1;
  return {
    forward: { operations, bytes: bytesOf(inputs) + written },
    backward: learned
      ? {
          operations: products > 0 ? passes * products : operations,
          bytes: bytesOf(results) + bytesOf(wanted) + (linearInInput.test(name) ? 0 : bytesOf(inputs)),
        }
      : noWork,
  };
}

const noWork: Work = { operations: 0, bytes: 0 };

/** Returns the fastest of `repeats` after two warm-up calls, because other load only makes an operator slower. */
export function replay(recorded: RecordedCall, repeats: number): Times {
  const forward: number[] = [];
  const both: number[] = [];
  const baseline: number[] = []; // cost of the operators around the call in backward
  const learned = isLearned(recorded);
  for (let repeat = -2; repeat < repeats; repeat++) {
    const measured = once(recorded, learned);
    if (repeat < 0) continue;
    forward.push(measured.forward);
    both.push(measured.backward);
    baseline.push(measured.handedOver);
  }
  const fastest = (times: number[]) => Math.min(...times);
  return { forward: fastest(forward), backward: learned ? Math.max(0, fastest(both) - fastest(baseline)) : 0 };
}

function once(recorded: RecordedCall, learned: boolean) {
  return scope(() => {
    const given = recorded.values.map((value) => {
      if (isOperand(value)) return argument(value, recorded);
      if (Array.isArray(value) && value.some(isOperand))
        return value.map((each) => argument(each as Operand, recorded));
      return value;
    }) as Value[];
    const [name, overload = ''] = recorded.name.split('.') as [string, string?];
    const start = performance.now();
    const found = call(name, overload, given);
    const forward = performance.now() - start;
    if (!learned) return { forward, backward: 0, handedOver: 0 };
    const output = resultOf(found as Tensor | Tensor[]);
    const gradient = like(output);
    const before = performance.now();
    backward(output, { gradient });
    const passed = performance.now() - before;
    return { forward, backward: passed, handedOver: handOver(recorded, found as Tensor | Tensor[]) };
  });
}

/** Returns a tensor to start backward from. For a unit `combine` applies the norm to the raw result. */
function resultOf(found: Tensor | Tensor[]): Tensor {
  if (!Array.isArray(found)) return found;
  const [raw, norm] = found as [Tensor, Tensor?];
  return norm?.shape.length === 2 && norm.shape[1]! > 0
    ? (call('nasnet::combine', '', [raw, norm, undefined, undefined]) as Tensor)
    : raw;
}

/**
 * Returns the milliseconds of backward for operators around the call: the product that gives an in-place operator an
 * input that it can overwrite, and `combine` after a unit.
 */
function handOver(recorded: RecordedCall, found: Tensor | Tensor[]): number {
  if (recorded.writes < 0 && !Array.isArray(found)) return 0;
  return scope(() => {
    const fresh = (tensor: Tensor) => {
      const copy = tensor.detach().mul(1);
      copy.requiresGrad = true;
      return copy;
    };
    const output = Array.isArray(found) ? resultOf(found.map(fresh)) : fresh(found).mul(1);
    if (!output.requiresGrad) return 0;
    const gradient = like(output);
    const start = performance.now();
    backward(output, { gradient });
    return performance.now() - start;
  });
}

function argument(operand: Operand | undefined, recorded: RecordedCall): Tensor | undefined {
  if (!operand) return undefined;
  const made = tensorOf(operand);
  if (!operand.requiresGradient) return made;
  made.requiresGrad = true;
  const overwritten = recorded.writes >= 0 && operands(recorded)[recorded.writes] === operand;
  return overwritten ? made.mul(1) : made;
}

/** Creates a tensor of random numbers in the same memory format; 1 to 2 for vectors, which may be variances. */
function tensorOf({ shape, strides, dtype, bytes }: Operand): Tensor {
  if (bytes) return fromBytes(bytes, dtype as DType, shape);
  if (!(dtype in bytesEach)) return zeros(shape, { dtype: dtype as DType });
  const kind = dtype as DType;
  if (shape.length !== 4) return (shape.length === 1 ? rand(shape).add(1) : randn(shape)).to(kind);
  const channelsLast = strides[1] === 1;
  const numbers = channelsLast ? empty(shape, { memoryFormat: 'channels_last' }).copy_(randn(shape)) : randn(shape);
  return numbers.to(kind);
}

function like(output: Tensor): Tensor {
  return onesLike(output.detach()).mul_(0.5);
}
