// A training that does not fit in memory is refused before it starts, by the law of searches.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { memoryTerms, startingLaws } from '../../src/forecast/cost-law.ts';
import { fitsMemory, requireMemory } from '../../src/forecast/training-memory.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';

const computing = { device: 'cpu', precision: 'float32' } as const;
const plan = planNetwork(nasnetA, { cells: 6, filters: 32 });
const training = { plan, batch: 512, images: 50_000, computing };
const predicted = memoryTerms(plan, 512).reduce((sum, term, place) => sum + term * startingLaws.memory[place]!, 0);

test('a training that fits starts; with one byte less it is refused with both figures and advice', () => {
  requireMemory(training, predicted);
  assert.throws(
    () => requireMemory(training, 1.5e9),
    (error) => {
      assert.ok(error instanceof InputError);
      assert.equal(error.code, 'too-little-memory');
      assert.equal(error.fields.predicted, predicted);
      assert.match(
        error.message,
        /expected at most 1\.50 GB of memory, which this machine has free, got a predicted \d+/,
      );
      assert.match(
        error.message,
        /a smaller batch, one in more parts, smaller images, fewer filters or cells take less/,
      );
      return true;
    },
  );
});

test('a GPU is asked for its own memory', () => {
  const onGpu = { ...training, computing: { device: 'cuda:0', precision: 'bfloat16' } as const };
  requireMemory(onGpu, 80e9);
  assert.throws(() => requireMemory(onGpu, 2e9), /which cuda:0 has free/);
});

test('a training on streamed pictures evaluates as many together as the memory of its evaluations allows', () => {
  const large = planNetwork(nasnetA, { layout: 'imagenet', cells: 6, filters: 168, input: [331, 331], classes: 1000 });
  const streamed = { plan: large, batch: 2, images: 0, computing, streamedBatch: 2 };
  assert.ok(fitsMemory(streamed, 8e9));
  assert.ok(!fitsMemory({ ...streamed, streamedBatch: undefined }, 8e9), 'prepared images are evaluated 64 together');
});
