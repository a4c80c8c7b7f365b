// A program of the step-programs test, since its memory is limited: three steps, of which the third is refused memory
// once and repeated. Prints how it was refused, and whether all numbers are those of operator by operator.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ones, randint } from '../../src/engine/create.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { keep, liveTensors, scope } from '../../src/engine/memory.ts';
import { Generator } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { recipes } from '../../src/train/recipe.ts';
import { StepSums, trainingStep } from '../../src/train/step.ts';
import { StepPrograms } from '../../src/train/step-programs.ts';

const mebibytes = (count: number) => count * 2 ** 20;
const block = mebibytes(16);
/** For what V8 maps while the limit holds; a step of 128 images needs more. */
const slack = mebibytes(24);

setThreads(1);

/** Trains three steps. @param beforeLast called before the third one, which it may run without success */
function trained(asPrograms: boolean, beforeLast?: (step: () => void) => void): string[] {
  const plan = planNetwork(nasnetA, { layout: 'cifar', cells: 1, filters: 8, input: 16, classes: 10 });
  const network = buildNetwork(plan, { seed: 1 }).train(true);
  const recipe = recipes.fast;
  using optimizer = createOptimizer(network, recipe);
  using sums = new StepSums('cpu');
  const trainee = { network, parameters: network.parameters(), optimizer, recipe, sums };
  using programs = asPrograms ? StepPrograms.of(trainee) : undefined;
  const generator = new Generator(1);
  const images = keep(randint(0, 256, [128, 3, 16, 16], { generator }).to('float32').contiguous('channels_last'));
  const labels = keep(randint(0, 10, [128], { generator }));
  const numbers = { progress: 0, learningRate: 0.05, averageShare: 0 };
  const step = () => scope(() => void trainingStep({ ...trainee, programs }, { images, labels, ...numbers }));
  step();
  step();
  beforeLast?.(step);
  step();
  const left = [...Object.values(network.stateDict()), ...Object.values(optimizer.state())];
  const bits = left.map((each) => Buffer.from(each.toBytes()).toString('base64'));
  network.dispose();
  return bits;
}

const limit = (bytes: number | 'unlimited') =>
  spawnSync('prlimit', ['--pid', `${process.pid}`, `--as=${bytes}:`], { stdio: ['ignore', 'ignore', 'inherit'] });
const mapped = () => Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;

/** Takes all memory but the slack, runs the step, and frees that memory. */
function withoutMemory(step: () => void) {
  const taken: Tensor[] = [];
  limit(mapped() + block);
  try {
    for (;;) taken.push(keep(ones([block / 4])));
  } catch {}
  limit(mapped() + slack);
  const before = liveTensors();
  try {
    step();
    return { kind: 'none', tensorsLeft: liveTensors() - before };
  } catch (error) {
    return { kind: (error as { kind?: string }).kind ?? String(error), tensorsLeft: liveTensors() - before };
  } finally {
    limit('unlimited');
    for (const each of taken) each.dispose();
  }
}

const expected = trained(false);
let refusal: ReturnType<typeof withoutMemory> | undefined;
const found = trained(true, (step) => {
  refusal = withoutMemory(step);
});
console.log(JSON.stringify({ ...refusal, hasEqualBits: found.join() === expected.join() }));
