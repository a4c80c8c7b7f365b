// Frees tensors. A scope frees its tensors at its end. Outside a scope, garbage collection frees them, between turns of
// the event loop. `dispose` frees a tensor immediately. Only tensors left to garbage collection count towards V8's
// external memory.
import { addon, type Handle } from './addon.ts';
import { Tensor } from './tensor.ts';

/** The tensors created in the current scope; undefined outside a scope. */
let scopeTensors: Tensor[] | undefined;
const collector = new FinalizationRegistry<Handle>((handle) => addon().release(Int32Array.of(handle)));

/** Adds a new tensor to the current scope, or leaves it to garbage collection. Called by Tensor's constructor. */
export function place(tensor: Tensor): void {
  if (scopeTensors !== undefined) scopeTensors.push(tensor);
  else leaveToCollector(tensor);
}

function leaveToCollector(tensor: Tensor): void {
  const { handle } = tensor;
  tensor.collectable = true;
  addon().leaveToCollector(handle);
  collector.register(tensor, handle, tensor);
}

/** Frees these tensors immediately, except those already disposed. */
export function free(tensors: readonly Tensor[]): void {
  const handles = new Int32Array(tensors.length);
  let count = 0;
  for (const tensor of tensors) {
    if (tensor.collectable) collector.unregister(tensor); // its handle will be reused
    const handle = tensor.takeHandle();
    if (handle !== 0) handles[count++] = handle;
  }
  addon().release(handles.subarray(0, count));
}

/**
 * Runs a synchronous function and frees every tensor it created, except those it returns (a tensor, or arrays, maps and
 * plain objects of tensors) and those passed to `keep`. Returned tensors belong to the surrounding scope. Used in the
 * training step, the evaluation batch and the controller update.
 * @throws TypeError for an async function, whose tensors would outlive the scope
 */
export function scope<T>(body: () => T): T {
  const outer = scopeTensors;
  const created: Tensor[] = [];
  scopeTensors = created;
  const survivors = new Set<Tensor>();
  try {
    const result = synchronous('scope', body());
    collectTensors(result, survivors);
    return result;
  } catch (error) {
    survivors.clear();
    throw error;
  } finally {
    scopeTensors = outer;
    freeExcept(created, survivors);
  }
}

function freeExcept(tensors: Tensor[], survivors: ReadonlySet<Tensor>): void {
  const handles = new Int32Array(tensors.length);
  let count = 0;
  for (const tensor of tensors) {
    if (tensor.disposed || tensor.collectable) continue;
    if (survivors.has(tensor)) place(tensor);
    else handles[count++] = tensor.takeHandle();
  }
  addon().release(handles.subarray(0, count));
}

/** Removes a tensor from its scope: it lives until it is disposed or garbage collection frees it. */
export function keep<T extends Tensor>(tensor: T): T {
  if (!tensor.collectable) leaveToCollector(tensor);
  return tensor;
}

let recording = true;

/** Runs a synchronous function without recording its operators for gradients. */
export function noGrad<T>(body: () => T): T {
  const native = addon();
  const before = native.setGradientMode(false);
  recording = false;
  try {
    return synchronous('noGrad', body());
  } finally {
    native.setGradientMode(before);
    recording = before;
  }
}

/** Whether operators are recorded for gradients: outside `noGrad`. */
export const recordsGradients = (): boolean => recording;

/** Returns the number of tensors that are not freed yet. Constant from step to step in a loop without leaks. */
export function liveTensors(): number {
  return addon().liveTensors();
}

function synchronous<T>(name: string, result: T): T {
  const then = typeof result === 'object' && result !== null ? (result as { then?: unknown }).then : undefined;
  if (typeof then === 'function') {
    Promise.resolve(result).catch(() => {}); // an error after the scope is a consequence of this one
    throw new TypeError(`${name}: expected a synchronous function, got one that returns a promise`);
  }
  return result;
}

function collectTensors(value: unknown, tensors: Set<Tensor>): void {
  if (value instanceof Tensor) tensors.add(value);
  else if (Array.isArray(value)) for (const each of value) collectTensors(each, tensors);
  else if (value instanceof Map) for (const each of value.values()) collectTensors(each, tensors);
  else if (isPlainObject(value)) for (const each of Object.values(value)) collectTensors(each, tensors);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
