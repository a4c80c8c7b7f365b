// A tensor: a handle in the addon's table, its properties, and the operators that read best as methods.
// Operators with options (convolutions, pools, losses) are functions in operators.ts; memory.ts explains lifetimes.
import { addon, type Handle } from './addon.ts';
import { free, place } from './memory.ts';
import { operator } from './operator.ts';

export type DType =
  | 'float32'
  | 'float64'
  | 'int64'
  | 'uint8'
  | 'bool'
  | 'int32'
  | 'bfloat16'
  | 'float16'
  | 'int8'
  | 'int16';
export type MemoryFormat = 'contiguous' | 'channels_last' | 'preserve';
export type Elements = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** Bytes of an element. */
export const elementBytes: Record<DType, number> = {
  float32: 4, float64: 8, int64: 8, uint8: 1, bool: 1, int32: 4, bfloat16: 2, float16: 2, int8: 1, int16: 2,
}; // biome-ignore format: a table

export class Tensor {
  #handle: Handle;
  #shape: readonly number[] | undefined;
  #dtype: DType | undefined;
  /** Whether garbage collection frees this tensor; only memory.ts sets it. */
  collectable = false;

  /** Takes ownership of a handle from the addon. Use `adopt` instead. */
  constructor(handle: Handle) {
    this.#handle = handle;
    place(this);
  }

  /** Wraps a handle from the addon; returns undefined for handle 0, the undefined tensor. */
  static adopt(handle: Handle): Tensor {
    return (handle === 0 ? undefined : new Tensor(handle)) as Tensor;
  }

  /** The tensor's index in the addon's table. @throws Error if the tensor is disposed */
  get handle(): Handle {
    if (this.#handle === 0) throw new Error('The tensor was disposed: it cannot be used any more');
    return this.#handle;
  }

  /** Disposes the tensor and returns its handle, which the caller must free; 0 if it was disposed already. */
  takeHandle(): Handle {
    const handle = this.#handle;
    this.#handle = 0;
    return handle;
  }

  /** Frees the native tensor immediately. Can be called twice. */
  dispose(): void {
    free([this]);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get disposed(): boolean {
    return this.#handle === 0;
  }

  get shape(): readonly number[] {
    this.#shape ??= Object.freeze(addon().shape(this.handle));
    return this.#shape;
  }

  /** The distance in memory, in elements, of one step along each axis. */
  get strides(): readonly number[] {
    return addon().strides(this.handle);
  }

  get dtype(): DType {
    this.#dtype ??= addon().dtype(this.handle) as DType;
    return this.#dtype;
  }

  /** 'cpu', 'cuda:0', … */
  get device(): string {
    return addon().device(this.handle);
  }

  /** The number of elements. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  get bytes(): number {
    return this.size * elementBytes[this.dtype];
  }

  get requiresGrad(): boolean {
    return addon().requiresGradient(this.handle);
  }

  set requiresGrad(requires: boolean) {
    addon().setRequiresGradient(this.handle, requires);
  }

  /**
   * The gradient that `backward` accumulated for this leaf, as a new tensor on the same memory; undefined if there is
   * none.
   */
  get grad(): Tensor | undefined {
    return Tensor.adopt(addon().gradients(Int32Array.of(this.handle))[0]!);
  }

  set grad(gradient: Tensor | undefined) {
    addon().setGradient(this.handle, gradient?.handle);
  }

  /**
   * Returns the elements in row-major order: int64 as Float64Array (exact up to 2^53), 16-bit floats as Float32Array,
   * bool as 0 and 1.
   */
  toArray(): Elements {
    switch (this.dtype) {
      case 'float32':
        return this.#copyTo(new Float32Array(this.size));
      case 'float64':
        return this.#copyTo(new Float64Array(this.size));
      case 'int32':
        return this.#copyTo(new Int32Array(this.size));
      case 'int16':
        return this.#copyTo(new Int16Array(this.size));
      case 'int8':
        return this.#copyTo(new Int8Array(this.size));
      case 'uint8':
      case 'bool':
        return this.#copyTo(new Uint8Array(this.size));
      case 'int64':
        return this.#convertedArray('float64');
      case 'bfloat16':
      case 'float16':
        return this.#convertedArray('float32');
    }
  }

  /** Returns the elements' bytes in row-major order and this machine's byte order. */
  toBytes(): Uint8Array {
    return this.#copyTo(new Uint8Array(this.bytes));
  }

  #copyTo<T extends Elements>(target: T): T {
    addon().toBytes(this.handle, target);
    return target;
  }

  #convertedArray(dtype: 'float64' | 'float32'): Elements {
    const converted = this.detach().to(dtype);
    try {
      return converted.toArray();
    } finally {
      converted.dispose();
    }
  }

  /** Returns the value of a tensor with one element. @throws Error if it has more or none */
  item(): number {
    if (this.size !== 1)
      throw new Error(`item: expected a tensor with one element, got the shape [${this.shape.join(', ')}]`);
    return Number(item.run(this));
  }

  // Arithmetic, elementwise with broadcasting.
  add(other: Tensor | number, alpha = 1): Tensor {
    return typeof other === 'number' ? addScalar.tensor(this, other, alpha) : add.tensor(this, other, alpha);
  }
  sub(other: Tensor | number, alpha = 1): Tensor {
    return typeof other === 'number' ? subScalar.tensor(this, other, alpha) : sub.tensor(this, other, alpha);
  }
  mul(other: Tensor | number): Tensor {
    return typeof other === 'number' ? mulScalar.tensor(this, other) : mul.tensor(this, other);
  }
  div(other: Tensor | number): Tensor {
    return typeof other === 'number' ? divScalar.tensor(this, other) : div.tensor(this, other);
  }
  pow(exponent: Tensor | number): Tensor {
    return typeof exponent === 'number' ? powScalar.tensor(this, exponent) : pow.tensor(this, exponent);
  }
  /** Returns the remainder with the divisor's sign, like Python's %. */
  remainder(divisor: number): Tensor {
    return remainder.tensor(this, divisor);
  }
  neg(): Tensor {
    return neg.tensor(this);
  }
  abs(): Tensor {
    return abs.tensor(this);
  }
  exp(): Tensor {
    return exp.tensor(this);
  }
  log(): Tensor {
    return log.tensor(this);
  }
  sqrt(): Tensor {
    return sqrt.tensor(this);
  }
  rsqrt(): Tensor {
    return rsqrt.tensor(this);
  }
  square(): Tensor {
    return square.tensor(this);
  }
  reciprocal(): Tensor {
    return reciprocal.tensor(this);
  }
  tanh(): Tensor {
    return tanh.tensor(this);
  }
  sigmoid(): Tensor {
    return sigmoid.tensor(this);
  }
  relu(): Tensor {
    return relu.tensor(this);
  }
  sin(): Tensor {
    return sin.tensor(this);
  }
  cos(): Tensor {
    return cos.tensor(this);
  }
  floor(): Tensor {
    return floor.tensor(this);
  }
  round(): Tensor {
    return round.tensor(this);
  }
  sign(): Tensor {
    return sign.tensor(this);
  }
  /** Limits values to [minimum, maximum]; undefined is no limit. */
  clamp(minimum?: number, maximum?: number): Tensor {
    return clamp.tensor(this, minimum, maximum);
  }

  // In-place operators change this tensor and return it.
  add_(other: Tensor | number, alpha = 1): this {
    if (typeof other === 'number') addScalar_.run(this, other, alpha);
    else add_.run(this, other, alpha);
    return this;
  }
  sub_(other: Tensor | number, alpha = 1): this {
    if (typeof other === 'number') subScalar_.run(this, other, alpha);
    else sub_.run(this, other, alpha);
    return this;
  }
  mul_(other: Tensor | number): this {
    if (typeof other === 'number') mulScalar_.run(this, other);
    else mul_.run(this, other);
    return this;
  }
  div_(other: Tensor | number): this {
    if (typeof other === 'number') divScalar_.run(this, other);
    else div_.run(this, other);
    return this;
  }
  copy_(source: Tensor): this {
    copy_.run(this, source);
    return this;
  }
  zero_(): this {
    zero_.run(this);
    return this;
  }
  fill_(value: number): this {
    fill_.run(this, value);
    return this;
  }
  clamp_(minimum?: number, maximum?: number): this {
    clamp_.run(this, minimum, maximum);
    return this;
  }

  // Comparisons return bool tensors.
  eq(other: Tensor | number): Tensor {
    return typeof other === 'number' ? eqScalar.tensor(this, other) : eq.tensor(this, other);
  }
  ne(other: Tensor | number): Tensor {
    return typeof other === 'number' ? neScalar.tensor(this, other) : ne.tensor(this, other);
  }
  lt(other: Tensor | number): Tensor {
    return typeof other === 'number' ? ltScalar.tensor(this, other) : lt.tensor(this, other);
  }
  le(other: Tensor | number): Tensor {
    return typeof other === 'number' ? leScalar.tensor(this, other) : le.tensor(this, other);
  }
  gt(other: Tensor | number): Tensor {
    return typeof other === 'number' ? gtScalar.tensor(this, other) : gt.tensor(this, other);
  }
  ge(other: Tensor | number): Tensor {
    return typeof other === 'number' ? geScalar.tensor(this, other) : ge.tensor(this, other);
  }
  isFinite(): Tensor {
    return finite.tensor(this);
  }
  logicalNot(): Tensor {
    return logicalNot.tensor(this);
  }
  logicalAnd(other: Tensor): Tensor {
    return logicalAnd.tensor(this, other);
  }
  /** Returns whether any element is not 0, as a bool tensor []. */
  any(): Tensor {
    return any.tensor(this);
  }
  all(): Tensor {
    return all.tensor(this);
  }

  // Reductions over some axes, by default over all, to the shape [].
  sum(axes?: number | readonly number[], keepAxes = false): Tensor {
    return axes === undefined ? sum.tensor(this) : sumAxes.tensor(this, list(axes), keepAxes);
  }
  mean(axes?: number | readonly number[], keepAxes = false): Tensor {
    return axes === undefined ? mean.tensor(this) : meanAxes.tensor(this, list(axes), keepAxes);
  }
  max(axes?: number | readonly number[], keepAxes = false): Tensor {
    return axes === undefined ? max.tensor(this) : amax.tensor(this, list(axes), keepAxes);
  }
  min(axes?: number | readonly number[], keepAxes = false): Tensor {
    return axes === undefined ? min.tensor(this) : amin.tensor(this, list(axes), keepAxes);
  }
  /** Returns the variance over all elements or some axes; divides by n (`unbiased` false) or n − 1. */
  variance(axes?: number | readonly number[], { unbiased = false, keepAxes = false } = {}): Tensor {
    return variance.tensor(this, axes === undefined ? undefined : list(axes), unbiased, keepAxes);
  }
  /** Returns the Euclidean norm of all elements, of shape []. */
  norm(): Tensor {
    return norm.tensor(this, 2);
  }
  /** Returns the index of the largest element, along an axis or in row-major order over all, as int64. */
  argmax(axis?: number, keepAxis = false): Tensor {
    return argmax.tensor(this, axis, keepAxis);
  }
  cumsum(axis: number): Tensor {
    return cumsum.tensor(this, axis);
  }
  /** Returns the `count` largest elements along an axis, in descending order, and their indices. */
  topk(count: number, axis = -1): { values: Tensor; indices: Tensor } {
    const [values, indices] = topk.tensors(this, count, axis);
    return { values: values!, indices: indices! };
  }
  sort(axis = -1, descending = false): { values: Tensor; indices: Tensor } {
    const [values, indices] = sort.tensors(this, axis, descending);
    return { values: values!, indices: indices! };
  }
  softmax(axis: number): Tensor {
    return softmax.tensor(this, axis);
  }
  logSoftmax(axis: number): Tensor {
    return logSoftmax.tensor(this, axis);
  }

  // Shape. One length of `reshape` may be −1.
  reshape(shape: readonly number[]): Tensor {
    return reshape.tensor(this, shape);
  }
  flatten(firstAxis = 0, lastAxis = -1): Tensor {
    return flatten.tensor(this, firstAxis, lastAxis);
  }
  transpose(one: number, other: number): Tensor {
    return transpose.tensor(this, one, other);
  }
  permute(axes: readonly number[]): Tensor {
    return permute.tensor(this, axes);
  }
  squeeze(axis: number): Tensor {
    return squeeze.tensor(this, axis);
  }
  unsqueeze(axis: number): Tensor {
    return unsqueeze.tensor(this, axis);
  }
  /** Returns a view of this shape; −1 keeps the length of an axis. */
  expand(shape: readonly number[]): Tensor {
    return expand.tensor(this, shape);
  }
  flip(axes: readonly number[]): Tensor {
    return flip.tensor(this, axes);
  }

  // Parts. `narrow`, `select`, `slice` and `split` return views of the same memory.
  narrow(axis: number, start: number, length: number): Tensor {
    return narrow.tensor(this, axis, start, length);
  }
  select(axis: number, index: number): Tensor {
    return select.tensor(this, axis, index);
  }
  slice(axis: number, start: number, end: number, step = 1): Tensor {
    return slice.tensor(this, axis, start, end, step);
  }
  /** Splits along an axis into parts of one length (the last may be shorter), or of these lengths. */
  split(lengths: number | readonly number[], axis = 0): Tensor[] {
    return typeof lengths === 'number' ? split.tensors(this, lengths, axis) : splitSizes.tensors(this, lengths, axis);
  }
  /** Returns the entries along an axis at the indices in an int64 tensor [n]. */
  indexSelect(axis: number, indices: Tensor): Tensor {
    return indexSelect.tensor(this, axis, indices);
  }
  /** Returns result[i][j] = this[i][indices[i][j]] for axis 1, and likewise for others. */
  gather(axis: number, indices: Tensor): Tensor {
    return gather.tensor(this, axis, indices);
  }
  /** Returns a copy with `source` added to the entries along an axis at `indices` [n]. */
  indexAdd(axis: number, indices: Tensor, source: Tensor): Tensor {
    return indexAdd.tensor(this, axis, indices, source);
  }
  maskedFill(mask: Tensor, value: number): Tensor {
    return maskedFill.tensor(this, mask, value);
  }

  /** Returns the matrix product [n, k] × [k, m], batched over leading axes. */
  matmul(other: Tensor): Tensor {
    return matmul.tensor(this, other);
  }

  // Copies and conversions. `to` and `contiguous` return the same memory if nothing needs to change.
  to(target: DType | (string & {})): Tensor {
    return Object.hasOwn(elementBytes, target)
      ? toDtype.tensor(this, target)
      : toDevice.tensor(this, undefined, undefined, target);
  }
  contiguous(memoryFormat: MemoryFormat = 'contiguous'): Tensor {
    return contiguous.tensor(this, memoryFormat);
  }
  /** Returns a tensor on the same memory without gradient history. */
  detach(): Tensor {
    return detach.tensor(this);
  }
  clone(memoryFormat: MemoryFormat = 'preserve'): Tensor {
    return clone.tensor(this, memoryFormat);
  }
}

function list(axes: number | readonly number[]): readonly number[] {
  return typeof axes === 'number' ? [axes] : axes;
}

const item = operator('aten::item');
const add = operator('aten::add', 'Tensor');
const addScalar = operator('aten::add', 'Scalar');
const add_ = operator('aten::add_', 'Tensor');
const addScalar_ = operator('aten::add_', 'Scalar');
const sub = operator('aten::sub', 'Tensor');
const subScalar = operator('aten::sub', 'Scalar');
const sub_ = operator('aten::sub_', 'Tensor');
const subScalar_ = operator('aten::sub_', 'Scalar');
const mul = operator('aten::mul', 'Tensor');
const mulScalar = operator('aten::mul', 'Scalar');
const mul_ = operator('aten::mul_', 'Tensor');
const mulScalar_ = operator('aten::mul_', 'Scalar');
const div = operator('aten::div', 'Tensor');
const divScalar = operator('aten::div', 'Scalar');
const div_ = operator('aten::div_', 'Tensor');
const divScalar_ = operator('aten::div_', 'Scalar');
const pow = operator('aten::pow', 'Tensor_Tensor');
const powScalar = operator('aten::pow', 'Tensor_Scalar');
const remainder = operator('aten::remainder', 'Scalar');
const neg = operator('aten::neg');
const abs = operator('aten::abs');
const exp = operator('aten::exp');
const log = operator('aten::log');
const sqrt = operator('aten::sqrt');
const rsqrt = operator('aten::rsqrt');
const square = operator('aten::square');
const reciprocal = operator('aten::reciprocal');
const tanh = operator('aten::tanh');
const sigmoid = operator('aten::sigmoid');
const relu = operator('aten::relu');
const sin = operator('aten::sin');
const cos = operator('aten::cos');
const floor = operator('aten::floor');
const round = operator('aten::round');
const sign = operator('aten::sign');
const clamp = operator('aten::clamp');
const clamp_ = operator('aten::clamp_');
const copy_ = operator('aten::copy_');
const zero_ = operator('aten::zero_');
const fill_ = operator('aten::fill_', 'Scalar');
const eq = operator('aten::eq', 'Tensor');
const eqScalar = operator('aten::eq', 'Scalar');
const ne = operator('aten::ne', 'Tensor');
const neScalar = operator('aten::ne', 'Scalar');
const lt = operator('aten::lt', 'Tensor');
const ltScalar = operator('aten::lt', 'Scalar');
const le = operator('aten::le', 'Tensor');
const leScalar = operator('aten::le', 'Scalar');
const gt = operator('aten::gt', 'Tensor');
const gtScalar = operator('aten::gt', 'Scalar');
const ge = operator('aten::ge', 'Tensor');
const geScalar = operator('aten::ge', 'Scalar');
const finite = operator('aten::isfinite');
const logicalNot = operator('aten::logical_not');
const logicalAnd = operator('aten::logical_and');
const any = operator('aten::any');
const all = operator('aten::all');
const sum = operator('aten::sum');
const sumAxes = operator('aten::sum', 'dim_IntList');
const mean = operator('aten::mean');
const meanAxes = operator('aten::mean', 'dim');
const max = operator('aten::max');
const min = operator('aten::min');
const amax = operator('aten::amax');
const amin = operator('aten::amin');
const variance = operator('aten::var', 'dim');
const norm = operator('aten::norm', 'Scalar');
const argmax = operator('aten::argmax');
const cumsum = operator('aten::cumsum');
const topk = operator('aten::topk');
const sort = operator('aten::sort');
const softmax = operator('aten::softmax', 'int');
const logSoftmax = operator('aten::log_softmax', 'int');
const reshape = operator('aten::reshape');
const flatten = operator('aten::flatten', 'using_ints');
const transpose = operator('aten::transpose', 'int');
const permute = operator('aten::permute');
const squeeze = operator('aten::squeeze', 'dim');
const unsqueeze = operator('aten::unsqueeze');
const expand = operator('aten::expand');
const flip = operator('aten::flip');
const narrow = operator('aten::narrow');
const select = operator('aten::select', 'int');
const slice = operator('aten::slice', 'Tensor');
const split = operator('aten::split', 'Tensor');
const splitSizes = operator('aten::split_with_sizes');
const indexSelect = operator('aten::index_select');
const gather = operator('aten::gather');
const indexAdd = operator('aten::index_add');
const maskedFill = operator('aten::masked_fill', 'Scalar');
const matmul = operator('aten::matmul');
const toDtype = operator('aten::to', 'dtype');
const toDevice = operator('aten::to', 'dtype_layout');
const contiguous = operator('aten::contiguous');
const detach = operator('aten::detach');
const clone = operator('aten::clone');
