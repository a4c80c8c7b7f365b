// Small detectors that really learn, with both heads, and resume to the same bits.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { type DetectionRecipe, detectionRateAt, detectionRecipes } from '../../src/detect/detection-recipe.ts';
import { buildDetector, type Detector } from '../../src/detect/detector.ts';
import { readDetector, readDetectorDescription, writeDetector } from '../../src/detect/detector-file.ts';
import { detectorSettings, type HeadName, headNames } from '../../src/detect/detector-settings.ts';
import { type DetectorTrainingOptions, trainDetector } from '../../src/detect/detector-training.ts';
import { evaluateDetector } from '../../src/detect/evaluate-detector.ts';
import { framePicture, pictureBatch, testPlacement, truthOf } from '../../src/detect/pictures.ts';
import { TrainingLog } from '../../src/detect/training-log.ts';
import type { DetectionDataset } from '../../src/detection-data/detection-dataset.ts';
import { rand } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { InputError } from '../../src/failure.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import { Checkpoints, removeCheckpoints } from '../../src/train/checkpoint.ts';
import { defaultOptimizer } from '../../src/train/recipe-choices.ts';
import { collect } from '../engine/garbage.ts';
import { makeShapes, shapeNames } from './shapes.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-detector-'));
after(() => rmSync(folder, { recursive: true }));
const side = 64;
const shapes = await makeShapes(join(folder, 'shapes'), { count: 4, seed: 4, side, most: 1, sizes: [0.35, 0.6] });

const network = { cells: 1, filters: 4, stemChannels: 8 };
const tiny = (head: HeadName, seed = 1, frozenNorms = false): Detector =>
  buildDetector(
    nasnetA,
    detectorSettings({
      head,
      network,
      input: [side, side],
      channels: 16,
      ...(head === 'fpn' && { hidden: 32 }),
      proposals: head === 'fpn' ? 64 : 16,
      frozenNorms,
    }),
    shapeNames.length,
    { seed },
  );

const recipe: DetectionRecipe = {
  ...detectionRecipes.fast,
  epochs: 2,
  batchSize: 2,
  learningRate: 0.005,
  optimizer: defaultOptimizer('adam'),
  weightDecay: 0,
  jitter: [0.9, 1.1],
};

/** A hash of each tensor by name, since a difference of whole tensors would fill pages. */
const hashesOf = (detector: Detector) =>
  Object.fromEntries(
    Object.entries(detector.stateDict()).map(([name, tensor]) => [
      name,
      createHash('sha256').update(tensor.toBytes()).digest('hex'),
    ]),
  );

for (const head of headNames) {
  test(`${head}: four pictures are learnt by heart`, async () => {
    const detector = tiny(head);
    // A larger rate saturates the released ReLU6, so the paper's head takes more steps.
    const [epochs, learningRate, least] = head === 'fpn' ? [150, 0.0015, 0.9] : [320, 0.001, 0.6];
    const long = { ...recipe, epochs, batchSize: 4, learningRate, jitter: [1, 1] as const, flip: false };
    const { losses } = await trainDetector(detector, shapes, long, { seed: 1 });
    assert.ok(losses.total < 0.5, `${losses.total}`);
    const { numbers } = await evaluateDetector(detector, shapeNames, shapes);
    assert.ok(numbers.AP50 > least, JSON.stringify(numbers));
  });

  test(`${head}: a training that is stopped resumes to the same bits`, async () => {
    const through = tiny(head);
    await trainDetector(through, shapes, recipe, { seed: 7 });
    const expected = hashesOf(through);
    for (const at of [1, 2, 3]) {
      const artifacts = new FolderArtifacts({ final: join(folder, `${head}-${at}`) });
      const run = (detector: Detector, options: Partial<DetectorTrainingOptions>) => {
        const log = new TrainingLog();
        const checkpoints = new Checkpoints(artifacts, 'final/a.safetensors', {
          identity: 'one training',
          seconds: 0,
          whenStopped: true,
          extra: log.checkpointed,
        });
        return trainDetector(detector, shapes, recipe, { seed: 7, checkpoints, log, ...options });
      };
      const stop = new AbortController();
      let steps = 0;
      const detector = tiny(head);
      const losses = detector.losses.bind(detector);
      detector.losses = (...inputs) => {
        steps += 1;
        if (steps === at) stop.abort(new Error('enough'));
        return losses(...inputs);
      };
      await assert.rejects(run(detector, { signal: stop.signal }), /enough/);
      const resumed = tiny(head, 99); // its weights come from the checkpoint
      await run(resumed, {});
      assert.deepEqual(hashesOf(resumed), expected, `stopped after step ${at}`);
    }
  });

  test(`${head}: steps and detections leave no tensor behind`, async () => {
    const detector = tiny(head);
    await trainDetector(detector, shapes, { ...recipe, epochs: 1 }, { seed: 1 });
    const count = async () => {
      detector.zeroGrad();
      await collect();
      return liveTensors();
    };
    await evaluateDetector(detector, shapeNames, shapes);
    const before = await count();
    await trainDetector(detector, shapes, { ...recipe, epochs: 1 }, { seed: 1 });
    await evaluateDetector(detector, shapeNames, shapes);
    assert.equal(await count(), before);
  });

  test(`${head}: proposals in chunks of any size are the same objects`, () => {
    const detector = tiny(head);
    scope(() => {
      // Scores that differ, so that rounding moves no object past another, but not so much that one class has all.
      const factor = head === 'fpn' ? 20 : 0.02;
      noGrad(() => detector.namedParameters().get('head.outputs.classes.weight')!.mul_(factor));
      manualSeed(1);
      const images = rand([2, 3, side, side]).sub(0.5);
      const extents = [[side, side], [40, side]] as const; // biome-ignore format: a pair of pictures
      const found = (together: number) => detector.detect(images, extents, { together, leastScore: 0.05 });
      const whole = found(1000);
      assert.equal(whole[0]!.scores.length > 0, true);
      for (const together of [1, 5, 16]) {
        for (const [picture, { boxes, scores, labels }] of found(together).entries()) {
          assert.deepEqual(labels, whole[picture]!.labels);
          for (const [one, other] of [
            [boxes, whole[picture]!.boxes],
            [scores, whole[picture]!.scores],
          ] as const)
            for (const [index, value] of one.entries()) assert.ok(Math.abs(value - other[index]!) < 1e-4);
        }
      }
      assert.ok(
        whole[1]!.boxes.every((place, index) => index % 2 === 0 || place <= 40),
        'boxes end with the picture',
      );
    });
  });

  test(`${head}: a detector in a file finds the same`, async () => {
    const detector = tiny(head);
    const path = join(folder, `${head}.safetensors`);
    const description = {
      architecture: nasnetA,
      settings: detector.plan.settings,
      categories: shapes.categories,
      origin: 'made by a test',
    };
    writeDetector(path, detector, description);
    assert.deepEqual(readDetectorDescription(path), description);
    const read = readDetector(path).detector;
    scope(() => {
      const images = rand([1, 3, side, side]);
      assert.deepEqual(read.detect(images, [[side, side]]), detector.detect(images, [[side, side]]));
    });
  });

  test(`${head}: a classifier's weights are taken over, all that the detector shares`, () => {
    const detector = tiny(head);
    const classifier = buildNetwork(planNetwork(nasnetA, { ...network, layout: 'imagenet', input: 64, classes: 7 }), {
      seed: 5,
    });
    const copied = detector.loadClassifier(classifier.stateDict());
    const names = Object.keys(classifier.stateDict()).filter((name) => !name.startsWith('head.'));
    assert.deepEqual(copied.toSorted(), names.toSorted());
    const state = detector.stateDict();
    const name = 'reduction_cell_1.block_0.left.separable_1.pointwise.weight';
    const own = state[head === 'paper' ? `head.${name}` : `network.${name}`]!;
    assert.deepEqual(own.toBytes(), classifier.stateDict()[name]!.toBytes());
  });

  test(`${head}: the losses' gradients are their finite differences in the layers behind the proposals`, async () => {
    const detector = tiny(head, 1, true).train(true);
    const picture = shapes.pictures[0]!;
    const input = [side, side] as const;
    const { pixels, placement } = await framePicture(picture.path, input, (size) =>
      testPlacement(size, input, 'stretch'),
    );
    scope(() => {
      const images = pictureBatch([pixels], input, 'cpu');
      const truths = [truthOf(picture, placement)];
      const loss = () => {
        const { classes, boxes } = detector.losses(images, truths, new RandomStream(3), 0);
        return classes.add(boxes);
      };
      const parameters = detector.namedParameters();
      const name = [...parameters.keys()].find((each) => /^head\.outputs\.classes\.weight/.test(each))!;
      const weight = parameters.get(name)!;
      const gradient = gradients(loss(), [weight])[0]!;
      const length = gradient.norm().item();
      const step = 1e-2 / length;
      const moved = (by: number) =>
        noGrad(() => {
          weight.add_(gradient, by);
          const value = loss().item();
          weight.sub_(gradient, by);
          return value;
        });
      const expected = (moved(step) - moved(-step)) / (2 * step);
      assert.ok(Math.abs(length ** 2 / expected - 1) < 0.02, `${length ** 2} ${expected}`);
    });
  });
}

test('a training that is stopped while it is evaluated only evaluates again', async () => {
  const artifacts = new FolderArtifacts({ final: join(folder, 'evaluated') });
  const key = 'final/b.safetensors';
  let steps = 0;
  const train = (detector: Detector, options: Partial<DetectorTrainingOptions>) => {
    const log = new TrainingLog();
    const saving = { whenStopped: true, whenTrained: true };
    const settings = { identity: 'evaluated', seconds: 1000, ...saving, extra: log.checkpointed };
    const checkpoints = new Checkpoints(artifacts, key, settings);
    const losses = detector.losses.bind(detector);
    detector.losses = (...inputs) => {
      steps += 1;
      return losses(...inputs);
    };
    return trainDetector(detector, shapes, recipe, { seed: 7, checkpoints, log, ...options }).then(() => log.epochs);
  };
  for (const hearsOfIt of [true, false]) {
    steps = 0;
    const stop = new AbortController();
    const stopped = train(tiny('fpn'), {
      signal: stop.signal,
      measure: async (_, isLast) => {
        if (!isLast) return 0.25;
        stop.abort(new Error('enough'));
        if (hearsOfIt) throw stop.signal.reason;
        return 0.5;
      },
    });
    await assert.rejects(stopped, /enough/);
    assert.equal(steps, 4);
    const epochs = await train(tiny('fpn', 99), { measure: async () => 0.5 });
    assert.equal(steps, 4);
    assert.deepEqual(
      epochs.map(({ epoch, AP }) => [epoch, AP]),
      [
        [1, 0.25],
        [2, 0.5],
      ],
    );
    await removeCheckpoints(artifacts, key);
  }
});

test('a picture that cannot be read is named once, and the next one takes its place; where none can be read, the training ends', async () => {
  const broken = join(folder, 'broken.png');
  writeFileSync(broken, 'no picture');
  const [first, second, ...others] = shapes.pictures;
  const withBroken = { pictures: [first!, { ...second!, path: broken }, ...others] };
  const inPlace = { pictures: [first!, others[0]!, ...others] };
  const fixed = { ...recipe, flip: false, jitter: [1, 1] as const };
  const named: string[] = [];
  const [one, other] = [tiny('fpn'), tiny('fpn')];
  await trainDetector(one, withBroken, fixed, { seed: 1, onUnreadable: (sentence) => named.push(sentence) });
  await trainDetector(other, inPlace, fixed, { seed: 1 });
  assert.deepEqual(hashesOf(one), hashesOf(other));
  assert.equal(named.length, 1);
  assert.match(named[0]!, /broken\.png: expected an image/);
  const all = { pictures: shapes.pictures.map((picture) => ({ ...picture, path: broken })) };
  await assert.rejects(trainDetector(tiny('fpn'), all, fixed, { seed: 1 }), /broken\.png: expected an image/);
});

test('pictures without objects and a picture at its smallest are learnt from, too', async () => {
  const dataset: DetectionDataset = {
    ...shapes,
    pictures: shapes.pictures.map((picture) => ({ ...picture, boxes: [] })),
  };
  for (const head of headNames) {
    const { losses } = await trainDetector(tiny(head), dataset, { ...recipe, epochs: 1 }, { seed: 1 });
    assert.equal(losses.anchorBoxes, 0);
    assert.equal(losses.boxes, 0);
    assert.ok(losses.classes > 0);
  }
});

test('the learning rate rises in the warm-up and falls by ten at each drop', () => {
  const rate = (step: number) =>
    detectionRateAt({ ...recipe, learningRate: 1, warmup: 0.1, drops: [0.6, 0.8] }, step, 100);
  assert.deepEqual(
    [0, 9, 10, 59, 60, 79, 80, 99].map((step) => Number(rate(step).toPrecision(6))),
    [0.1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01],
  );
});

test('a file that is no detector is refused by what it is', () => {
  const path = join(folder, 'classifier.safetensors');
  const detector = tiny('fpn');
  writeDetector(path, detector, {
    architecture: nasnetA,
    settings: { ...detector.plan.settings, proposals: 0 },
    categories: shapes.categories,
    origin: '',
  });
  assert.throws(
    () => readDetector(path),
    (error) => error instanceof InputError && /settings\.proposals: expected/.test(error.message),
  );
});
