// Measures the cost of calling an operator from TypeScript, in microseconds, on tensors of one element.
//   node bench/engine.ts
import { ones } from '../src/engine/create.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { setThreads } from '../src/engine/machine.ts';
import { free, keep, scope } from '../src/engine/memory.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { median } from './median.ts';

const calls = 1000; // in a row, as in a training step
const rounds = 200;
const warmUp = 50;

setThreads(1);
const [plain, learned] = [keep(ones([])), keep(ones([], { requiresGrad: true }))];

/** The measured functions, each with `calls` calls. */
const rows: Record<string, () => void> = {
  'a + b, freed by a scope': () => scope(() => repeat(() => plain.add(plain))),
  'a + b, recorded for backward, freed by a scope': () => scope(() => repeat(() => learned.add(plain))),
  'a + b, outside any scope, freed by hand': () => repeat(() => free([plain.add(plain)])),
  'a + 1, freed by a scope': () => scope(() => repeat(() => plain.add(1))),
  'a += b in place': () => repeat(() => plain.add_(plain)),
  'a number out of a tensor': () => repeat(() => plain.item()),
  'a scope that makes nothing': () => repeat(() => scope(() => undefined)),
  'a + b recorded, and its backward': () => scope(() => backward(chain())),
};

function repeat(act: () => void): void {
  for (let call = 0; call < calls; call++) act();
}

function chain(): Tensor {
  let end = learned;
  repeat(() => {
    end = end.add(plain);
  });
  return end;
}

/** Returns the microseconds of one call. */
function time(act: () => void): number {
  plain.fill_(1);
  const start = performance.now();
  act();
  const passed = performance.now() - start;
  clearGradients([learned]);
  return (passed / calls) * 1000;
}

console.log(`one call of ${calls} in a row, median and fastest of ${rounds}`);
for (const [name, act] of Object.entries(rows)) {
  for (let round = 0; round < warmUp; round++) time(act);
  const measured = Array.from({ length: rounds }, () => time(act));
  const [middle, least] = [median(measured), Math.min(...measured)].map((each) => each.toFixed(2).padStart(6));
  console.log(`${name.padEnd(48)}${middle} µs ${least} µs`);
}
