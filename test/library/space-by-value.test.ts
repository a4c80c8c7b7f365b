// A custom space in everything that stores or builds an architecture: study, network, model file, ONNX, PyTorch.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randn } from '../../src/engine/create.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { scope } from '../../src/engine/memory.ts';
import { pythonSource } from '../../src/export/pytorch/export-pytorch.ts';
import { openStudy } from '../../src/library/ask-tell.ts';
import { createClassifier, loadClassifier } from '../../src/library/classifier.ts';
import { evolution } from '../../src/library/strategies.ts';
import { findingsOf, sentences } from '../../src/report/findings.ts';
import { decode } from '../../src/space/decisions.ts';
import { operations } from '../../src/space/operations.ts';
import { defineSpace } from '../../src/space/search-space.ts';
import { openSearch } from '../../src/study/parse-settings.ts';
import { temporaryFolder } from '../data/temporary.ts';

setThreads(1);

const space = defineSpace({
  name: 'wide',
  operations: {
    sep_conv_9x9: { kind: 'separable', kernel: 9 },
    identity: operations.identity,
    dil_conv_5x5: { kind: 'dilated', kernel: 5, dilation: 3 },
  },
  combiners: ['add_layer_norm', 'concat'],
  blocks: 2,
});
/** An architecture with every operation and combiner of the space. */
const architecture = decode([0, 1, 0, 1, 0, 2, 0, 2, 0, 1, 0, 1, 2, 0, 1, 1, 2, 1, 0, 0], space);

test('a study stores the space by value, and resumes in it without the program’s definition', (context) => {
  const path = join(temporaryFolder(context), 'study.db');
  const strategy = evolution({ populationSize: 3, sampleSize: 2 });
  const search = (trials: number, options: Parameters<typeof openStudy>[1]) => {
    using study = openStudy(path, { strategy, ...options });
    for (const trial of study.trials(trials)) {
      assert.deepEqual(trial.architecture.operations, architecture.operations);
      trial.tell({ reward: trial.decisions.reduce((sum, decision) => sum + decision, 0) / 30 });
    }
    return study.records().length;
  };
  assert.equal(search(4, { space }), 4);
  assert.equal(search(8, {}), 8); // the study has the space
  assert.equal(search(9, { space: defineSpace({ ...space }) }), 9);
  const other = defineSpace({ ...space, combiners: ['add'] });
  assert.throws(() => search(10, { space: other }), /expected space .*"name":"wide".*, as in the study/);
  using study = openSearch(path, { readOnly: true });
  assert.match(sentences(findingsOf(study))[0]!, /tried 9 of 100 cells of space wide on a custom evaluator/);
});

test('a saved network contains its operations, and its ONNX file computes the same', async (context) => {
  const folder = temporaryFolder(context);
  using network = createClassifier(architecture, { cells: 1, filters: 4, input: 16, classes: 3 });
  network.save(join(folder, 'wide.safetensors'));
  using loaded = loadClassifier(join(folder, 'wide.safetensors'));
  assert.deepEqual(loaded.description.architecture, architecture);
  scope(() => {
    const images = randn([2, 3, 16, 16]);
    assert.deepEqual(loaded.logits(images).toArray(), network.logits(images).toArray());
  });
  const { largestDifference } = await loaded.exportOnnx(join(folder, 'wide.onnx'));
  assert.ok(largestDifference! < 1e-4);
});

test('the PyTorch file has a row for each of them', () => {
  using network = createClassifier(architecture, { cells: 1, filters: 4, input: 16, classes: 3 });
  const source = pythonSource('wide', network.network, network.description);
  assert.match(source, /"sep_conv_9x9": partial\(separable, 9\),/);
  assert.match(source, /"dil_conv_5x5": partial\(depthwise, 5, dilation=3\),/);
});
