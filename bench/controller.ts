// Times the controller: an ask, and an update from 20 architectures, B = 5, on one thread. Prints wall time and
// processor time, which other load affects less.
// node bench/controller.ts

import { setThreads } from '../src/engine/machine.ts';
import { RandomStream } from '../src/random/stream.ts';
import { paperController } from '../src/search/options.ts';
import { createStrategy } from '../src/search/strategy.ts';
import { median } from './median.ts';

const rounds = 12;
const warmUp = 2;

type Times = [onTheClock: number, ofProcessor: number]; // milliseconds

function time(act: () => void): Times {
  const [start, before] = [performance.now(), process.cpuUsage()];
  act();
  const { user, system } = process.cpuUsage(before);
  return [performance.now() - start, (user + system) / 1000];
}

setThreads(1);
const { batchSize } = paperController;
const strategy = createStrategy('ppo', { blocks: 5, seed: 1 });
const rewards = new RandomStream('rewards');
const measured: Record<string, Times[]> = { '20 asks': [], 'tell that updates': [], save: [] };
for (let round = 0; round < rounds; round++) {
  const first = round * batchSize;
  const trials = Array.from({ length: batchSize }, (_, index) => first + index);
  const asks = time(() => trials.map((trial) => strategy.ask(trial))); // the first one reads the new weights
  const tells = time(() => trials.map((trial) => strategy.tell(trial, { reward: rewards.uniform() })));
  const save = time(() => strategy.save());
  if (round < warmUp) continue;
  measured['20 asks']!.push(asks);
  measured['tell that updates']!.push(tells);
  measured.save!.push(save);
}
console.log(
  `controller: ${batchSize} architectures per update, ${paperController.epochs} passes, medians of ${rounds - warmUp}`,
);
for (const [name, values] of Object.entries(measured)) {
  const [clock, processor] = [0, 1].map((which) => median(values.map((each) => each[which]!)).toFixed(1));
  console.log(`${name.padEnd(18)} ${clock} ms, ${processor} of the processor`);
}
console.log(`state              ${(strategy.save().length / 1e6).toFixed(2)} MB`);
