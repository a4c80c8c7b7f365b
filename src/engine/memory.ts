// When tensors die. Inside a scope: at its end. Outside any: when garbage collection finds them, which it does between turns of
// the event loop. `dispose` frees at once anywhere. V8 hears only of the memory that its collector answers for.
import { addon, type Handle } from './addon.ts';
import { Tensor } from './tensor.ts';

/** The tensors made in the running scope; undefined outside any. */
let made: Tensor[] | undefined;
const collector = new FinalizationRegistry<Handle>((handle) => addon().release(Int32Array.of(handle)));

/** Puts a new tensor under the running scope, or under garbage collection. Called by Tensor's constructor. */
export function place(tensor: Tensor): void {
  if (made !== undefined) made.push(tensor);
  else leaveToCollector(tensor);
}

function leaveToCollector(tensor: Tensor): void {
  const { handle } = tensor;
  tensor.collectable = true;
  addon().leaveToCollector(handle);
  collector.register(tensor, handle, tensor);
}

/** Frees these tensors now, those that are not disposed yet. */
export function free(tensors: readonly Tensor[]): void {
  const handles = new Int32Array(tensors.length);
  let count = 0;
  for (const tensor of tensors) {
    if (tensor.collectable) collector.unregister(tensor); // its handle may soon name another tensor
    const handle = tensor.takeHandle();
    if (handle !== 0) handles[count++] = handle;
  }
  addon().release(handles.subarray(0, count));
}

/**
 * Runs a synchronous function and frees every tensor it made, except those it returns (a tensor, or arrays, maps and plain
 * objects of them) and those it kept. Returned tensors belong to the surrounding scope. Stands in the training step, the
 * evaluation batch and the controller update. Throws for an async function: its tensors would outlive the scope.
 */
export function scope<T>(body: () => T): T {
  const outer = made;
  const mine: Tensor[] = [];
  made = mine;
  const survivors = new Set<Tensor>();
  try {
    const result = synchronous('scope', body());
    collectTensors(result, survivors);
    return result;
  } catch (error) {
    survivors.clear();
    throw error;
  } finally {
    made = outer;
    freeExcept(mine, survivors);
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

/** Takes a tensor out of every scope: it lives until it is disposed or garbage collection finds it. */
export function keep<T extends Tensor>(tensor: T): T {
  if (!tensor.collectable) leaveToCollector(tensor);
  return tensor;
}

/** Runs a synchronous function without recording its operators for backward. */
export function noGrad<T>(body: () => T): T {
  const native = addon();
  const before = native.setGradientMode(false);
  try {
    return synchronous('noGrad', body());
  } finally {
    native.setGradientMode(before);
  }
}

/** How many tensors JavaScript holds that are not yet freed. Constant from step to step in a loop that leaks nothing. */
export function liveTensors(): number {
  return addon().liveTensors();
}

function synchronous<T>(name: string, result: T): T {
  const then = typeof result === 'object' && result !== null ? (result as { then?: unknown }).then : undefined;
  if (typeof then === 'function') {
    Promise.resolve(result).catch(() => {}); // what it does with its freed tensors is told by this error already
    throw new TypeError(`${name}: expected a synchronous function, got one that returns a promise`);
  }
  return result;
}

function collectTensors(value: unknown, found: Set<Tensor>): void {
  if (value instanceof Tensor) found.add(value);
  else if (Array.isArray(value)) for (const each of value) collectTensors(each, found);
  else if (value instanceof Map) for (const each of value.values()) collectTensors(each, found);
  else if (isPlainObject(value)) for (const each of Object.values(value)) collectTensors(each, found);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
