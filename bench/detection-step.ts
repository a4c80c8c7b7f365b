// Where the time of a detector's training step goes: processor time of the main thread by operator, and how long it
// waits for pictures. Made pictures of shapes; processor time counts on a busy machine, too.
//
// node bench/detection-step.ts [--head fpn] [--size 96] [--filters 8] [--proposals 64] [--batch 8] [--steps 40]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { detectionRecipes } from '../src/detect/detection-recipe.ts';
import { buildDetector } from '../src/detect/detector.ts';
import { detectorSettings, type HeadName } from '../src/detect/detector-settings.ts';
import { trainDetector } from '../src/detect/detector-training.ts';
import { addon } from '../src/engine/addon.ts';
import { setThreads } from '../src/engine/machine.ts';
import { nasnetA } from '../src/space/published.ts';
import { defaultOptimizer } from '../src/train/recipe-choices.ts';
import { makeShapes, shapeNames } from '../test/detect/shapes.ts';

const { values } = parseArgs({
  options: {
    head: { type: 'string', default: 'fpn' },
    size: { type: 'string', default: '96' },
    filters: { type: 'string', default: '8' },
    proposals: { type: 'string', default: '64' },
    batch: { type: 'string', default: '8' },
    steps: { type: 'string', default: '40' },
  },
});
const [size, batch, steps] = [Number(values.size), Number(values.batch), Number(values.steps)];
const head = values.head as HeadName;

const names = new Map<number, string>(); // by the operator's number
const times = new Map<string, number>(); // ms
watchOperators();
setThreads(1);
const settings = detectorSettings({
  head,
  network: { cells: 1, filters: Number(values.filters), stemChannels: 32 },
  input: [size, size],
  proposals: Number(values.proposals),
  ...(head === 'fpn' ? { channels: 32, hidden: 128 } : { channels: 64 }),
});
const detector = buildDetector(nasnetA, settings, shapeNames.length, { seed: 1 });
const recipe = {
  ...detectionRecipes.fast,
  epochs: 1,
  batchSize: batch,
  learningRate: 1e-3,
  optimizer: defaultOptimizer('adam'),
  weightDecay: 0,
  jitter: [0.8, 1.2] as const,
};
const folder = mkdtempSync(join(tmpdir(), 'nasnet-detection-step-'));
try {
  const { pictures } = await makeShapes(folder, { count: batch * steps, seed: 1, side: size });
  // The first steps find no objects yet and prepare the operators.
  await trainDetector(detector, { pictures }, recipe, { seed: 1 });
  times.clear();
  const [began, loop, processor] = [milliseconds(), performance.eventLoopUtilization(), process.cpuUsage()];
  await trainDetector(detector, { pictures }, recipe, { seed: 2 });
  const own = milliseconds() - began;
  const { user, system } = process.cpuUsage(processor);
  const { idle } = performance.eventLoopUtilization(loop);
  const each = (total: number) => (total / steps).toFixed(1);
  console.log(
    `${head}, ${batch} pictures of ${size} × ${size}: ${each(own)} ms a step on the main thread, ${each((user + system) / 1000 - own)} ms on others, ${each(idle)} ms waiting for pictures`,
  );
  const sorted = [...times].toSorted(([, one], [, other]) => other - one);
  const rest = own - sorted.reduce((sum, [, time]) => sum + time, 0);
  for (const [name, time] of [...sorted.slice(0, 15), ['TypeScript, and the rest', rest] as const])
    console.log(`${each(time).padStart(8)} ms  ${name}`);
} finally {
  rmSync(folder, { recursive: true });
}

/** The processor time of this thread so far. */
function milliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Adds the time of every operator to `times`; backward is one call. Before the first operator is looked up. */
function watchOperators(): void {
  const native = addon();
  const { schema, call, backward } = native;
  const timed = <Result>(name: string, work: () => Result): Result => {
    const began = milliseconds();
    const result = work();
    times.set(name, (times.get(name) ?? 0) + milliseconds() - began);
    return result;
  };
  native.schema = (name, overload) => {
    const found = schema(name, overload);
    names.set(found.id, name);
    return found;
  };
  native.call = (id, ...values) => timed(names.get(id)!, () => call(id, ...values));
  native.backward = (...values) => timed('backward', () => backward(...values));
}
