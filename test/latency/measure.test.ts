import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threads } from '../../src/engine/machine.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import { InputError } from '../../src/failure.ts';
import { inferenceBytes } from '../../src/latency/inference-memory.ts';
import { type LatencyOptions, measureLatency } from '../../src/latency/measure.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { collect } from '../engine/garbage.ts';
import { all, tiny } from './tiny.ts';

const { network, description } = tiny();

/** A fixed number of runs, independent of the load on the machine. */
const limits = { seconds: 60, warmUp: 1, minRuns: 3, maxRuns: 3 };

async function rowsOf(options: Partial<LatencyOptions>) {
  const everything = { runtimes: ['nasnet', 'onnxruntime'], devices: ['cpu'], batches: [1, 3], threads: 1 } as const;
  return all(measureLatency(network, description, { ...everything, limits, ...options }));
}

test('each runtime gets a row for each batch, whose rates follow from its median', async () => {
  const rows = await rowsOf({});
  assert.deepEqual(
    rows.map(({ runtime, device, batch }) => [runtime, device, batch]),
    [
      ['nasnet', 'cpu', 1],
      ['nasnet', 'cpu', 3],
      ['onnxruntime', 'cpu', 1],
      ['onnxruntime', 'cpu', 3],
    ],
  );
  for (const row of rows) {
    assert.ok('milliseconds' in row, JSON.stringify(row));
    const { median, fastest, lowerQuartile, upperQuartile, runs } = row.milliseconds;
    assert.ok(fastest > 0 && fastest <= lowerQuartile && lowerQuartile <= median && median <= upperQuartile);
    assert.equal(runs, 3);
    const seconds = median / 1000;
    assert.ok(Math.abs(row.imagesPerSecond * seconds - row.batch) < 1e-9 * row.batch);
    const multiplyAdds = row.batch * network.plan.multiplyAdds;
    assert.ok(Math.abs(row.gigaMultiplyAddsPerSecond * 1e9 * seconds - multiplyAdds) < 1e-9 * multiplyAdds);
  }
});

test('our engine runs on the requested number of threads and leaves no tensor behind', async () => {
  await collect(); // garbage of earlier tests
  const before = liveTensors();
  await rowsOf({ runtimes: ['nasnet'], threads: 2 });
  assert.equal(threads(), 2);
  assert.equal(liveTensors(), before);
});

test('a batch that does not fit the memory or takes too long is not started, and the row says why', async () => {
  for (const row of await rowsOf({ memoryBytes: 1000 })) {
    assert.match('notMeasured' in row ? row.notMeasured : '', /it needs up to 0\.0 GiB of memory and this machine has/);
  }
  const [one, many] = await rowsOf({ runtimes: ['nasnet'], batches: [1, 1e9], memoryBytes: 2 ** 60 });
  assert.ok('milliseconds' in one!);
  assert.match(
    'notMeasured' in many! ? many.notMeasured : '',
    /^one run would take about \d+ s, longer than the 60 s of a measurement$/,
  );
});

test('an unknown device is refused, and so is none at all', async () => {
  await assert.rejects(rowsOf({ devices: ['cpu', 'cuda:7'] }), (error: Error) => {
    return error instanceof InputError && /device: expected one of cpu.*, got cuda:7/.test(error.message);
  });
  await assert.rejects(rowsOf({ devices: [] }), /device: expected cpu, where onnxruntime is timed/);
});

test('the memory of one pass is the weights and, for each image, the cells’ results and all results inside one cell', () => {
  const half = { blocks: [{ inputs: [0, 0], operations: ['identity', 'identity'], combine: 'add' }] } as const;
  const plan = planNetwork({ normal: half, reduction: half }, { cells: 0, filters: 1, input: 4, classes: 2 });
  // Numbers by hand. Weights: the stem's 3×3 convolution of 3 channels to 3 and its norm (4 a channel); the two cells'
  // inputs, 1×1 from 3 to 2 and from 2 to 4, and twice an identity at stride 2, 2 to 2 and 4 to 4; the linear layer of
  // 4 to 2.
  const weights = 27 * 3 + 12 + (6 + 8) + 2 * (4 + 8) + (8 + 16) + 2 * (16 + 16) + (8 + 2);
  // Results: convolution and norm; each cell's ReLU, convolution, norm, then twice ReLU, convolution, norm, and the
  // output.
  const image = 48;
  const stem = 2 * 48;
  const first = 48 + 32 + 32 + 2 * (32 + 8 + 8) + 8;
  const second = 8 + 16 + 16 + 2 * (16 + 4 + 4) + 4;
  const head = 4 + 4 + 4 + 2;
  const cellResults = 8 + 4; // the two cells' own
  assert.ok(first > Math.max(stem, second, head));
  assert.equal(inferenceBytes(plan, 1, 'nasnet'), 4 * (weights + image + cellResults + first));
  assert.equal(inferenceBytes(plan, 7, 'nasnet'), 4 * (weights + 7 * (image + cellResults + first)));
  assert.equal(inferenceBytes(plan, 7, 'onnxruntime'), 4 * (5 * weights + 7 * (image + first)));
});
