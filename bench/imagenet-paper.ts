// The first steps of the recipe imagenet-paper beside PyTorch, from the same weights and batches: NASNet-A in
// ImageNet's layout with its auxiliary head, RMSProp with epsilon inside the root, label smoothing, averages and rates
// that fall by steps. Rounding differs, and a new network multiplies each difference some twentyfold in a step. So
// PyTorch runs in two ways: from our state every few steps, where the losses must agree, and freely, where PyTorch with
// two threads is the yardstick, since it differs from PyTorch with one in the same way.
//
//   node bench/imagenet-paper.ts DATASET [--steps 500] [--every 4] [--cells 1] [--filters 8] [--input 72] [--batch 16]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type PaperLosses, paperRun, whyNoPytorch } from '../test/peers/imagenet-paper.ts';
import { median } from './median.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '500' },
    every: { type: 'string', default: '4' },
    cells: { type: 'string', default: '1' },
    filters: { type: 'string', default: '8' },
    input: { type: 'string', default: '72' },
    batch: { type: 'string', default: '16' },
  },
});
const reason = whyNoPytorch();
if (reason) throw new Error(reason);
const numbers = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)])) as Record<
  keyof typeof values,
  number
>;
const { steps, every } = numbers;
const folder = mkdtempSync(join(tmpdir(), 'nasnet-paper-'));
try {
  const { ours, pytorch } = await paperRun({ dataset: positionals[0]!, folder, ...numbers, threads: 1 });
  const resumed = pytorch({ threads: 1, resumes: true });
  const differences = ours.losses.map((loss, step) => Math.abs(loss - resumed.losses[step]!) / resumed.losses[step]!);
  const most = (numbers: number[]) => numbers.reduce((most, each) => Math.max(most, each), 0).toExponential(1);
  console.log(`PyTorch from our state every ${every} steps, largest relative differences:`);
  for (let after = 0; after < every; after++)
    console.log(
      `  loss of step ${after + 1} after a state: ${most(differences.filter((_, step) => step % every === after))}`,
    );
  const drifts = resumed.drifts!;
  const middle = (part: 0 | 1) => median(drifts.map((drift) => drift[part])).toExponential(1);
  console.log(
    `  weights ${every} steps later, as a share of the way: median ${middle(0)}, most ${most(drifts.map(([each]) => each))}`,
  );
  console.log(`  averages: median ${middle(1)}, most ${most(drifts.map(([, each]) => each))}`);
  const [peer, other] = [1, 2].map((threads) => pytorch({ threads, resumes: false })) as [PaperLosses, PaperLosses];
  console.log('\n| mean loss of the steps | ours | PyTorch | PyTorch on two threads |\n| --- | --- | --- | --- |');
  const mean = (losses: number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  for (let first = 0; first < steps; first += 100) {
    const part = ({ losses }: PaperLosses) => mean(losses.slice(first, first + 100)).toFixed(4);
    console.log(`| ${first + 1} to ${Math.min(steps, first + 100)} | ${[ours, peer, other].map(part).join(' | ')} |`);
  }
  console.log(`| averaged weights | ${[ours, peer, other].map(({ averaged }) => averaged.toFixed(4)).join(' | ')} |`);
} finally {
  rmSync(folder, { recursive: true });
}
