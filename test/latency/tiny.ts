// A network that is quick to time, for the tests of this folder and of the command line.

import type { ModelDescription } from '../../src/model/model-file.ts';
import { planOf } from '../../src/model/model-file.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { trainedPreprocessing } from '../../src/model/preprocessing.ts';
import { nasnetA } from '../../src/space/published.ts';

export function tiny() {
  const description: ModelDescription = {
    architecture: nasnetA,
    network: { layout: 'cifar', cells: 0, filters: 2, input: [8, 8] },
    classes: ['cat', 'dog'],
    preprocessing: trainedPreprocessing({ mean: [127, 127, 127], deviation: [64, 64, 64] }),
    origin: 'made for a test',
  };
  return { description, network: buildNetwork(planOf(description), { seed: 1 }).train(false) };
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}
