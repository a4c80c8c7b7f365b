import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import { measureLatency } from '../../src/latency/measure.ts';
import { all, tiny } from './tiny.ts';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'onnxruntime-node') throw new Error("Cannot find package 'onnxruntime-node'");
    return next(specifier, context);
  },
});

test('if onnxruntime is not installed, its rows say so and ours are measured', async () => {
  const { network, description } = tiny();
  const limits = { seconds: 60, warmUp: 1, minRuns: 2, maxRuns: 2 };
  const options = { runtimes: ['onnxruntime', 'nasnet'], devices: ['cpu'], batches: [1, 2], limits } as const;
  const rows = await all(measureLatency(network, description, options));
  const results = rows.map((row) => ('notMeasured' in row ? row.notMeasured : row.runtime));
  assert.match(results[0]!, /onnxruntime-node.*Cannot find package.*install it with/);
  assert.deepEqual(results.slice(1), [results[0], 'nasnet', 'nasnet']);
});
