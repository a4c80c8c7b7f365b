// The whitened stem: the outputs of its filters for the patches from which they were computed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { cat, conv2d } from '../../src/engine/operators.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { whitenStem } from '../../src/train/whitened-stem.ts';
import { classes, tinyRecipe, trainingBatches } from './images.ts';

test('the outputs of the first filters for their patches are uncorrelated, and the next ones are their negatives', async () => {
  const batches = trainingBatches(40, tinyRecipe);
  const network = buildNetwork(planNetwork(nasnetA, { cells: 1, filters: 20, input: 8, classes }), { seed: 1 });
  const weight = network.namedParameters().get('stem.convolution.weight')!; // [60, 3, 3, 3]
  const before = [...weight.detach().toArray()];
  const size = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  await whitenStem(network, batches);
  const filters = [...weight.detach().toArray()];
  assert.deepEqual(filters.slice(54 * 27), before.slice(54 * 27), 'filters beyond twice the inputs are left');
  assert.deepEqual(
    filters.slice(27 * 27, 54 * 27),
    filters.slice(0, 27 * 27).map((value) => -value),
  );
  const ratio = size(filters.slice(0, 54 * 27)) / size(before.slice(0, 54 * 27));
  assert.ok(Math.abs(ratio - 1) < 1e-5, 'they are as large as those that they replace');
  const answers = scope(() =>
    noGrad(() => {
      const images = cat(Array.from({ length: batches.count }, (_, step) => batches.batch(0, step).images));
      const rows = conv2d(images, weight.narrow(0, 0, 27))
        .permute([1, 0, 2, 3])
        .reshape([27, -1]);
      return rows.matmul(rows.transpose(0, 1)).toArray(); // [27, 27]
    }),
  );
  const at = (row: number, column: number) => answers[27 * row + column]!;
  for (let row = 0; row < 27; row++) {
    for (let column = 0; column < row; column++) {
      const correlation = at(row, column) / Math.sqrt(at(row, row) * at(column, column));
      assert.ok(Math.abs(correlation) < 1e-3, `${row}, ${column}: ${correlation}`);
    }
  }
  network.dispose();
});
