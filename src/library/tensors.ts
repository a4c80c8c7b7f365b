// `import { … } from 'nasnet/engine'`: tensors, scopes and operators of libtorch. Call `await ready()` first.

import './guest.ts';

export * from '../engine/create.ts';
export type { Computing, Precision } from '../engine/device.ts';
export { backward, clearGradients } from '../engine/gradient.ts';
export { setThreads, synchronize, threads } from '../engine/machine.ts';
export { keep, noGrad, scope } from '../engine/memory.ts';
export * from '../engine/operators.ts';
export { manualSeed } from '../engine/random.ts';
export { type DType, Tensor } from '../engine/tensor.ts';
export { type Engine, type ReadyOptions, ready } from './ready.ts';
