// How fast the controller is: one ask, and one update from 20 architectures, B = 5, on one thread.
// node bench/controller.ts

import { setThreads } from '../src/engine/machine.ts';
import { RandomStream } from '../src/random/stream.ts';
import { paperController } from '../src/search/options.ts';
import { createStrategy } from '../src/search/strategy.ts';

const rounds = 12;
const warmUp = 2;

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Milliseconds that a function takes. */
function time(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

setThreads(1);
const { batchSize } = paperController;
const strategy = createStrategy('ppo', { blocks: 5, seed: 1 });
const rewards = new RandomStream('rewards');
const measured = { ask: [] as number[], 'tell that updates': [] as number[], save: [] as number[] };
for (let round = 0; round < rounds; round++) {
  const first = round * batchSize;
  const trials = Array.from({ length: batchSize }, (_, index) => first + index);
  const asks = time(() => trials.map((trial) => strategy.ask(trial))); // the first one reads the new weights
  const tells = time(() => trials.map((trial) => strategy.tell(trial, { reward: rewards.uniform() })));
  const save = time(() => strategy.save());
  if (round < warmUp) continue;
  measured.ask.push(asks / batchSize);
  measured['tell that updates'].push(tells);
  measured.save.push(save);
}
console.log(
  `controller: ${batchSize} architectures an update, ${paperController.epochs} passes, medians of ${rounds - warmUp}`,
);
for (const [name, values] of Object.entries(measured))
  console.log(`${name.padEnd(18)} ${median(values).toFixed(1)} ms`);
console.log(`state              ${(strategy.save().length / 1e6).toFixed(2)} MB`);
