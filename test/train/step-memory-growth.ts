// A program of the step-programs test, since it measures the memory of a process: trains and evaluates different cells
// one after the other, as a worker does. Prints the peak of the process before
// and after each, in MB.

import { peakMemory } from '../../src/children/worker-memory.ts';
import { EvaluationBatches, TrainingBatches } from '../../src/data/batches.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import { recipes } from '../../src/train/recipe.ts';
import { trainNetwork } from '../../src/train/training.ts';
import { classes, greyImages } from './images.ts';

const side = 16;
const from = greyImages(1280, side, 'growth');
const whitening = { mean: [130, 130, 130], deviation: [60, 60, 60] };
const recipe = { ...recipes.fast, epochs: 1 };

setThreads(1);
const peaks = [peakMemory() / 1e6];
for (let child = 0; child < 8; child++) {
  const { architecture } = new Candidate(sampleDecisions(new RandomStream(`growth ${child}`)));
  const network = buildNetwork(planNetwork(architecture, { cells: 1, filters: 8, input: side, classes }), { seed: 1 });
  const batches = new TrainingBatches({ from, whitening, batchSize: recipe.batchSize, seed: 1, augmentation: recipe });
  await trainNetwork(network, batches, recipe, { seed: child });
  evaluateNetwork(network, new EvaluationBatches({ from, view: whitening, batchSize: 200 }), classes);
  network.dispose();
  peaks.push(peakMemory() / 1e6);
}
console.log(JSON.stringify(peaks));
