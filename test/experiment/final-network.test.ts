// The final network's training as a search sees it: a runner of the test sends what a worker would.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { weightsName } from '../../src/children/study-artifacts.ts';
import type { TrainingJob } from '../../src/children/training-job.ts';
import { prepareCifar10 } from '../../src/data/cifar10.ts';
import { runExperiment } from '../../src/experiment/experiment.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { Study } from '../../src/study/study.ts';
import type { JobRunner } from '../../src/workers/job-runner.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { tinyCifar10 } from '../data/tiny-cifar10.ts';

const folder = temporaryFolder({ after });
const details = {
  ...{ trainableParameters: 1, multiplyAdds: 1, trainingSeconds: 1 },
  test: { accuracy: 0.5, loss: 1, images: 50, classAccuracies: [] },
};

/** A child ends at once. The final network's worker dies after two epochs; the next one reports all that it has. */
const dyingOnce = (): JobRunner => ({
  async run(job, { onMessage, onRetry } = {}) {
    if (!(job as TrainingJob).keepModel) return { result: { reward: 0.5 }, seconds: 1 };
    for (const epoch of [1, 2]) onMessage!({ epoch });
    onRetry!('the worker was killed');
    for (const epoch of [1, 2, 3]) onMessage!({ epoch });
    writeFileSync(join(folder, weightsName), '');
    return { result: { reward: 0.5, details }, seconds: 1 };
  },
  async close() {},
  async [Symbol.asyncDispose]() {},
});

test('the final network has each epoch once, also after its worker died', async () => {
  const cache = join(folder, 'cache');
  await tinyCifar10(cache);
  const files = await prepareCifar10({ cache });
  const { finalists: _, ...settings } = settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' });
  using study = Study.create(join(folder, 'study.db'), { ...settings, trials: 1 });
  const laws = { seconds: [0, 0, 0, 0, 10], memory: [1e9, 0, 0] };
  const end = await runExperiment({
    ...{ study, files, trials: 1, workers: 1, directory: folder, signal: new AbortController().signal },
    start: { laws, measured: true },
    openRunner: dyingOnce,
    onEvent: () => {},
  });
  assert.equal(end, 'finished');
  const { epochs } = study.result('final model')!;
  assert.deepEqual(
    epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  );
});
