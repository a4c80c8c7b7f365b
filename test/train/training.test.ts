import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { onesLike, zeros } from '../../src/engine/create.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import type { Network } from '../../src/model/network.ts';
import type { Module } from '../../src/nn/module.ts';
import type { Optimizer } from '../../src/nn/optimizers.ts';
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../../src/nn/safetensors.ts';
import { BestWeights } from '../../src/train/best-epoch.ts';
import {
  type CheckpointOptions,
  Checkpoints,
  type InTraining,
  removeCheckpoints,
  storedPrecision,
} from '../../src/train/checkpoint.ts';
import { DeviceSteps } from '../../src/train/device-steps.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import { createOptimizer, layerRates } from '../../src/train/optimizer.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { defaultOptimizer, optimizerNames, scheduleNames } from '../../src/train/recipe-choices.ts';
import { StepSums } from '../../src/train/step.ts';
import { type EpochFigures, type TrainingOptions, trainNetwork } from '../../src/train/training.ts';
import { TrainingFailure } from '../../src/train/training-failure.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { classes, evaluationBatches, tinyNetwork, tinyRecipe, trainingBatches } from './images.ts';

/** Checkpoints in one file of a folder. */
const checkpointsIn = <Beside>(folder: string, options: CheckpointOptions<Beside>) =>
  new Checkpoints(new FolderArtifacts({ training: folder }), 'training/state', options);

const bytesOf = (network: Module) =>
  Buffer.concat(Object.values(network.stateDict()).map((tensor) => tensor.detach().toBytes()));

const numbersOf = (network: Module) =>
  Object.values(network.stateDict()).flatMap((tensor) => [...tensor.detach().toArray()]);

async function trained(options: Pick<TrainingOptions, 'checkpoints' | 'signal'> = {}): Promise<Network> {
  const network = tinyNetwork();
  const recipe = { ...tinyRecipe, epochs: 2 };
  await trainNetwork(network, trainingBatches(40, recipe), recipe, { seed: 'a', ...options });
  return network;
}

test('a small network memorises eight images', async () => {
  const network = tinyNetwork();
  const recipe = { ...tinyRecipe, epochs: 60, weightDecay: 0 };
  const losses: number[] = [];
  await trainNetwork(network, trainingBatches(8, recipe), recipe, {
    seed: 1,
    onEpoch: ({ loss }) => losses.push(loss),
  });
  assert.equal(losses.length, 60);
  assert.ok(losses[0]! > 1, `a network that knows nothing has a loss near ln 4 = 1.39, not ${losses[0]}`);
  assert.equal(evaluateNetwork(network, evaluationBatches(8), classes).accuracy, 1);
});

test('the same seed gives the same weights to the bit, another seed others', async () => {
  const [once, again] = [bytesOf(await trained()), bytesOf(await trained())];
  assert.ok(once.equals(again));
  const network = tinyNetwork();
  await trainNetwork(network, trainingBatches(40, tinyRecipe), tinyRecipe, { seed: 'b' }); // other drop-path masks
  assert.ok(!once.equals(bytesOf(network)));
});

test('a training resumed from a checkpoint ends with the same bits as an uninterrupted one', async (context) => {
  const folder = temporaryFolder(context);
  const stop = new AbortController();
  const network = tinyNetwork();
  const checkpoints = checkpointsIn(folder, { identity: 'this training', seconds: 0 });
  const stopped = trainNetwork(network, trainingBatches(40, tinyRecipe), tinyRecipe, {
    seed: 'a',
    checkpoints,
    signal: stop.signal,
    onEpoch: () => stop.abort(new Error('enough')),
  });
  await assert.rejects(stopped, /enough/);
  const epochs: number[] = [];
  const resumed = tinyNetwork(99);
  await trainNetwork(resumed, trainingBatches(40, tinyRecipe), tinyRecipe, {
    seed: 'a',
    checkpoints: checkpointsIn(folder, { identity: 'this training' }),
    onEpoch: ({ epoch }) => epochs.push(epoch),
  });
  assert.deepEqual(epochs, [1, 2], 'it went on within the first epoch, where the last checkpoint was');
  assert.ok(bytesOf(resumed).equals(bytesOf(await trained())));
});

test('an epoch that is interrupted and resumed reports the loss and accuracy of an uninterrupted one, to the bit', async (context) => {
  const told = async (network: Network, options: Partial<TrainingOptions> = {}) => {
    const figures: unknown[] = [];
    const onEpoch = ({ imagesPerSecond: _, ...rest }: EpochFigures) => figures.push(rest);
    await trainNetwork(network, trainingBatches(40, tinyRecipe), tinyRecipe, { seed: 'a', ...options, onEpoch });
    return figures;
  };
  const folder = temporaryFolder(context);
  for (const steps of [1, 3, 7]) {
    const stop = new AbortController();
    const checkpoints = checkpointsIn(folder, { identity: `${steps}`, seconds: 0 });
    const offer = checkpoints.offer.bind(checkpoints);
    checkpoints.offer = async (step, training, meter) => {
      await offer(step, training, meter);
      if (step === steps) stop.abort(new Error('enough'));
    };
    await assert.rejects(told(tinyNetwork(), { checkpoints, signal: stop.signal }), /enough/);
    const resumed = await told(tinyNetwork(99), { checkpoints: checkpointsIn(folder, { identity: `${steps}` }) });
    assert.deepEqual(
      resumed,
      (await told(tinyNetwork())).slice(steps > 5 ? 1 : 0),
      `after ${steps} of 5 steps an epoch`,
    );
  }
});

for (const optimizer of optimizerNames) {
  for (const schedule of scheduleNames) {
    test(`${optimizer}, ${schedule}: a training after another one, stopped and resumed, has the same bits as an uninterrupted one`, async (context) => {
      const recipe: Recipe = {
        ...tinyRecipe,
        schedule,
        optimizer: defaultOptimizer(optimizer),
        learningRate: optimizer === 'adam' ? 0.002 : 0.02,
        decay: { factor: 0.5, epochs: 0.4 },
      };
      const folder = temporaryFolder(context);
      const train = async (stopping: boolean) => {
        const network = tinyNetwork();
        using moving = createOptimizer(network, recipe);
        await trainNetwork(network, trainingBatches(40, recipe), recipe, { seed: 'before', optimizer: moving });
        if (!stopping) return await go(network, moving);
        const stop = new AbortController();
        const checkpoints = checkpointsIn(folder, { identity: 'this', seconds: 0 });
        const onEpoch = () => stop.abort(new Error('enough'));
        await assert.rejects(go(network, moving, { checkpoints, signal: stop.signal, onEpoch }), /enough/);
        const fresh = tinyNetwork(99);
        using again = createOptimizer(fresh, recipe);
        return await go(fresh, again, { checkpoints: checkpointsIn(folder, { identity: 'this' }) });
      };
      const go = async (network: Network, moving: Optimizer, options: Partial<TrainingOptions> = {}) => {
        const more = { seed: 'after', optimizer: moving, ...options };
        await trainNetwork(network, trainingBatches(40, recipe), recipe, more);
        assert.equal(moving.stepsTaken, 20);
        return bytesOf(network);
      };
      const [through, resumed] = [await train(false), await train(true)];
      assert.ok(through.equals(resumed));
    });
  }
}

const techniques: Recipe = {
  ...tinyRecipe,
  labelSmoothing: 0.1,
  biasRate: 4,
  decoupledDecay: true,
  averageEpochs: 0.5,
  whitenStem: true,
  accumulate: 2,
  flip: 'alternate',
  growth: [{ scale: 0.5, until: 0.4 }],
  balance: 'weights',
  freezeEpochs: 0.5,
  layerRateDecay: 0.7,
};

for (const name of optimizerNames) {
  test(`with every technique and ${name} a resumed training ends with the bits of an uninterrupted one`, async (context) => {
    const recipe: Recipe = { ...techniques, optimizer: defaultOptimizer(name) };
    const folder = temporaryFolder(context);
    const go = async (network: Network, options: Partial<TrainingOptions> = {}) => {
      await trainNetwork(network, trainingBatches(40, recipe, 16), recipe, { seed: 'a', ...options });
      return bytesOf(network);
    };
    const through = await go(tinyNetwork(1, 16));
    const stop = new AbortController();
    const checkpoints = checkpointsIn(folder, { identity: 'this training', seconds: 0 });
    const onEpoch = () => stop.abort(new Error('enough'));
    await assert.rejects(go(tinyNetwork(1, 16), { checkpoints, signal: stop.signal, onEpoch }), /enough/);
    const resumed = await go(tinyNetwork(99, 16), {
      checkpoints: checkpointsIn(folder, { identity: 'this training' }),
    });
    assert.ok(resumed.equals(through));
  });
}

test('a training that is stopped while it validates an epoch validates it when it resumes', async (context) => {
  const recipe = { ...tinyRecipe, averageEpochs: 0.5 };
  const folder = temporaryFolder(context);
  const go = async (network: Network, stop?: AbortController) => {
    using best = new BestWeights(network.stateDict());
    const epochs: Partial<EpochFigures>[] = [];
    await trainNetwork(network, trainingBatches(40, recipe), recipe, {
      seed: 'a',
      best,
      validate: async () => {
        stop?.abort(new Error('enough'));
        stop?.signal.throwIfAborted();
        return evaluateNetwork(network, evaluationBatches(20), classes);
      },
      validateEveryEpoch: true,
      onEpoch: ({ epoch, loss, validation }) => epochs.push({ epoch, loss: loss + validation!.loss }),
      checkpoints: checkpointsIn(folder, { identity: 'this', seconds: 1e6, whenStopped: true }),
      ...(stop && { signal: stop.signal }),
    });
    return {
      epochs,
      best: best.epochs.state?.epoch,
      weights: createHash('sha256').update(bytesOf(network)).digest('hex'),
    };
  };
  const through = await go(tinyNetwork());
  for (const seed of [1, 99]) await assert.rejects(go(tinyNetwork(seed), new AbortController()), /enough/);
  assert.deepEqual(await go(tinyNetwork(98)), through);
});

test('a training that is stopped after its last step resumes there with the same bits, also if patience ended it', async (context) => {
  const averaged = { ...tinyRecipe, averageEpochs: 0.5 };
  for (const recipe of [averaged, { ...averaged, epochs: 9, patience: 1 }]) {
    const folder = temporaryFolder(context);
    const checkpoints = () => checkpointsIn(folder, { identity: 'this', seconds: 1e6, whenTrained: true });
    const go = async (network: Network, options: Partial<TrainingOptions>) => {
      using best = new BestWeights(network.stateDict());
      const losses: number[] = [];
      const validate = () => ({ ...evaluateNetwork(network, evaluationBatches(20), classes), accuracy: 0.5, loss: 1 });
      const all = { seed: 'a', best, validate, validateEveryEpoch: true, ...options };
      const last = await trainNetwork(network, trainingBatches(40, recipe), recipe, {
        ...all,
        onEpoch: (figures) => {
          losses.push(figures.loss);
          options.onEpoch?.(figures);
        },
      });
      return { last: last.epoch, losses, best: best.epochs.state, weights: bytesOf(network).toString('base64') };
    };
    const through = await go(tinyNetwork(), {});
    assert.equal(through.last, 2);
    const stop = new AbortController();
    const onEpoch = ({ epoch }: EpochFigures) => void (epoch === 2 && stop.abort(new Error('enough')));
    const stopped = go(tinyNetwork(), { checkpoints: checkpoints(), signal: stop.signal, onEpoch });
    await assert.rejects(stopped, /enough/);
    const resumed = await go(tinyNetwork(99), { checkpoints: checkpoints() });
    assert.deepEqual(resumed, { ...through, losses: through.losses.slice(1) });
  }
});

test('while images are small, epochs are validated at their side and none is the best', async () => {
  const recipe: Recipe = { ...tinyRecipe, epochs: 5, growth: [{ scale: 0.5, until: 0.4 }] };
  const network = tinyNetwork(1, 16);
  using best = new BestWeights(network.stateDict());
  const asked: (number | undefined)[] = [];
  const stated: (number | undefined)[] = [];
  await trainNetwork(network, trainingBatches(40, recipe, 16), recipe, {
    seed: 'a',
    best,
    validateEveryEpoch: true,
    validate: (side) => {
      const measured = evaluateNetwork(network, evaluationBatches(20, 16), classes, side);
      return { ...measured, accuracy: 1 - asked.push(side) / 10 };
    },
    onEpoch: ({ validationSide }) => stated.push(validationSide),
  });
  assert.deepEqual(asked, [8, 8, undefined, undefined, undefined]);
  assert.deepEqual(stated, asked);
  assert.equal(best.epochs.state!.epoch, 3);
});

test('the last epoch is validated at full size, also of a single step with small images', async () => {
  const recipe: Recipe = { ...tinyRecipe, epochs: 0.01, growth: [{ scale: 0.5, until: 0.4 }] };
  const network = tinyNetwork(1, 16);
  const validate = (side?: number) => {
    assert.equal(side, undefined);
    return evaluateNetwork(network, evaluationBatches(20, 16), classes);
  };
  const { epoch, validationSide } = await trainNetwork(network, trainingBatches(40, recipe, 16), recipe, {
    ...{ seed: 'a', validate },
  });
  assert.deepEqual([epoch, validationSide], [1 / 5, undefined]);
});

test('patience ends a training after the epochs of a made curve, with the best one’s weights, also when it was resumed', async (context) => {
  const recipe: Recipe = { ...tinyRecipe, epochs: 9, patience: 2, averageEpochs: 0.5, balance: 'sampling' };
  const curve = [0.2, 0.3, 0.5, 0.4, 0.45, 0.9];
  const train = async (stopAfter?: number, folder = temporaryFolder(context)) => {
    const network = tinyNetwork();
    using best = new BestWeights(network.stateDict());
    const ended: number[] = [];
    const atBest: Buffer[] = [];
    const stop = new AbortController();
    let epoch = 0;
    const options: TrainingOptions = {
      seed: 'a',
      best,
      checkpoints: checkpointsIn(folder, { identity: 'this', seconds: 0 }),
      signal: stop.signal,
      validate: () => {
        const measured = evaluateNetwork(network, evaluationBatches(20), classes);
        return { ...measured, balancedAccuracy: curve[Math.min(epoch, 5)]!, accuracy: 1 - epoch / 10, loss: 1 };
      },
      onBest: async () => void atBest.push(bytesOf(network)),
      onEpoch: (figures) => {
        ended.push(figures.epoch);
        epoch = figures.epoch;
        if (figures.epoch === stopAfter) stop.abort(new Error('enough'));
      },
    };
    const restore = options.checkpoints!.restore.bind(options.checkpoints);
    options.checkpoints!.restore = async (training) => {
      const saved = await restore(training);
      epoch = Math.floor((saved?.step ?? 0) / 5);
      return saved;
    };
    const training = trainNetwork(network, trainingBatches(40, recipe), recipe, options);
    if (stopAfter !== undefined) {
      await assert.rejects(training, /enough/);
      return { ended, folder, weights: Buffer.alloc(0), best: 0, atBest };
    }
    await training;
    best.swap();
    return { ended, folder, weights: bytesOf(network), best: best.epochs.state!.epoch, atBest };
  };
  const whole = await train();
  assert.deepEqual([whole.ended, whole.best], [[1, 2, 3, 4, 5], 3]);
  assert.ok(whole.weights.equals(whole.atBest.at(-1)!));
  const { folder } = await train(4);
  const resumed = await train(undefined, folder);
  assert.deepEqual([resumed.ended.at(-1), resumed.best], [5, 3]);
  assert.ok(resumed.weights.equals(whole.weights));
});

test('a frozen body keeps its weights and moving statistics to the bit, in steps of the host and of a device, while the head learns', async () => {
  const parts = (network: Network) => {
    const entries = Object.entries(network.stateDict());
    const of = (head: boolean) => entries.filter(([name]) => name.startsWith('head.') === head);
    const bytes = (tensors: [string, Tensor][]) => Buffer.concat(tensors.map(([, each]) => each.detach().toBytes()));
    return { body: bytes(of(false)), head: bytes(of(true)) };
  };
  const before = parts(tinyNetwork());
  const recipe: Recipe = { ...tinyRecipe, epochs: 2, freezeEpochs: 1, averageEpochs: 0.5, dropPathKeep: 0.6 };
  const network = tinyNetwork();
  const seen: ReturnType<typeof parts>[] = [];
  await trainNetwork(network, trainingBatches(40, recipe), recipe, {
    seed: 1,
    onEpoch: () => seen.push(parts(network)),
  });
  assert.ok(seen[0]!.body.equals(before.body));
  assert.ok(!seen[0]!.head.equals(before.head));
  assert.ok(!seen[1]!.body.equals(before.body), 'it is trained afterwards');
  assert.equal(network.train(true).training, true);

  const onDevice = tinyNetwork();
  const batches = trainingBatches(40, recipe);
  using optimizer = createOptimizer(onDevice, recipe);
  using sums = new StepSums('cpu');
  const trainee = { network: onDevice.train(true), parameters: onDevice.parameters(), optimizer, recipe, sums };
  const plan = { epoch: 0, progress: 0, learningRate: 0.1, averageShare: 0, seed: 1 };
  const planOf = (step: number) => ({ ...plan, index: step, frozen: step < 3 });
  using steps = new DeviceSteps(trainee, batches, { capture: false, steps: () => 5, planOf });
  for (const step of [0, 1, 2]) steps.run(step);
  assert.ok(parts(onDevice).body.equals(before.body));
  assert.ok(!parts(onDevice).head.equals(before.head));
  steps.run(3);
  assert.ok(!parts(onDevice).body.equals(before.body));
});

test('deeper cells have higher rates: each parameter moves by its cell’s share of what it moves at the whole rate', () => {
  const plan = tinyNetwork().plan;
  const rateOf = layerRates(plan, 0.5);
  const cells = plan.sections.length - 2; // without stem and head
  const rates = plan.sections.map(({ parameters }) => new Set(parameters.map(({ name }) => rateOf(name))));
  assert.deepEqual(
    rates.filter(({ size }) => size > 0).map((each) => [...each]),
    plan.sections.flatMap(({ parameters }, place) => (parameters.length > 0 ? [[0.5 ** (cells + 1 - place)]] : [])),
  );
  const moved = (recipe: Recipe) => {
    const network = tinyNetwork();
    const before = network.stateDict();
    const start = Object.fromEntries(
      Object.entries(before).map(([name, each]) => [name, [...each.detach().toArray()]]),
    );
    using optimizer = createOptimizer(network, recipe);
    for (const parameter of network.parameters()) parameter.grad = onesLike(parameter.detach());
    optimizer.step(0.01);
    const change = (name: string) => before[name]!.detach().toArray()[0]! - start[name]![0]!;
    return new Map([...network.namedParameters().keys()].map((name) => [name, change(name)]));
  };
  const recipe = { ...tinyRecipe, weightDecay: 0, biasRate: 2 };
  const [even, graded] = [moved(recipe), moved({ ...recipe, layerRateDecay: 0.5 })];
  for (const [name, change] of graded) assert.ok(Math.abs(change / even.get(name)! / rateOf(name) - 1) < 1e-3, name);
});

test('the averaged weights are the average over the steps, and are evaluated in addition to the last ones', async () => {
  const recipe = { ...tinyRecipe, averageEpochs: 0.8 }; // of 5 steps: from the 26th on a step would count a quarter
  const seen: number[][] = [];
  /** Called with the state of a training after each step. */
  const checkpoints = {
    offer: async (_step: number, { network }: InTraining) => void seen.push(numbersOf(network)),
    restore: async () => undefined,
    isDue: () => false,
  };
  const start = numbersOf(tinyNetwork());
  const looks: number[][] = [];
  const network = tinyNetwork();
  const validate = () => {
    looks.push(numbersOf(network));
    return evaluateNetwork(network, evaluationBatches(20), classes);
  };
  const last = await trainNetwork(network, trainingBatches(40, recipe), recipe, { seed: 'a', checkpoints, validate });
  const [raw, mean] = [looks[1]!, numbersOf(network)];
  assert.deepEqual(looks[0], mean);
  assert.ok(last.unaveraged && last.validation);
  assert.deepEqual(seen.at(-1), raw, 'what the last step saves is not averaged yet');
  const expected = seen.reduce((average, values, step) => {
    const share = Math.max(1 / 4, 9 / (10 + step));
    return average.map((each, place) => each + share * (values[place]! - each));
  }, start);
  assert.ok(
    bytesOf(await trained()).equals(Buffer.from(Float32Array.from(raw).buffer)),
    'the last weights are those of a training without',
  );
  for (const [place, value] of mean.entries()) assert.ok(Math.abs(value - expected[place]!) < 1e-5);
});

test('a recipe without an optimizer uses momentum', async () => {
  const { optimizer: _, ...older } = { ...tinyRecipe, optimizer: defaultOptimizer('momentum') };
  const named: Recipe = { ...older, optimizer: { name: 'momentum' } };
  const trainedBy = async (recipe: Recipe) => {
    const network = tinyNetwork();
    await trainNetwork(network, trainingBatches(40, recipe), recipe, { seed: 'a' });
    return bytesOf(network);
  };
  const [without, by, other] = [
    await trainedBy(older),
    await trainedBy(named),
    await trainedBy({ ...older, optimizer: defaultOptimizer('rmsprop') }),
  ];
  assert.ok(without.equals(by));
  assert.ok(!without.equals(other));
});

test('a checkpoint of another training and a damaged one are ignored', async (context) => {
  const folder = temporaryFolder(context);
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'another', seconds: 0 }) });
  const fresh = bytesOf(await trained());
  const foreign = await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine' }) });
  assert.ok(bytesOf(foreign).equals(fresh));
  const path = join(folder, 'state');
  writeFileSync(path, 'half a file');
  const damaged = await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine' }) });
  assert.ok(bytesOf(damaged).equals(fresh));
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine', seconds: 0 }) });
  const bytes = readFileSync(path);
  bytes[bytes.length - 10]! ^= 1; // one bit of a weight
  writeFileSync(path, bytes);
  const flipped = await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine' }) });
  assert.ok(bytesOf(flipped).equals(fresh));
});

test('of several checkpoints the latest whole one is resumed, and the others stay as many as asked for', async (context) => {
  const folder = temporaryFolder(context);
  const artifacts = new FolderArtifacts({ training: folder });
  const stop = new AbortController();
  const options = { identity: 'this', seconds: 0, keep: 3 };
  const checkpoints = checkpointsIn(folder, options);
  const offer = checkpoints.offer.bind(checkpoints);
  const steps: number[] = [];
  checkpoints.offer = async (step, ...rest) => {
    await offer(step, ...rest);
    if (steps.push(step) === 5) stop.abort(new Error('enough'));
  };
  const options40 = { seed: 'a', checkpoints, signal: stop.signal };
  await assert.rejects(trainNetwork(tinyNetwork(), trainingBatches(40, tinyRecipe), tinyRecipe, options40), /enough/);
  const stored = () =>
    Object.fromEntries(readdirSync(folder).map((name) => [name, readSafetensorsMetadata(join(folder, name)).step]));
  assert.deepEqual(stored(), { state: '4', 'state.1': '5', 'state.2': '3' });
  const restoredStep = async () => {
    const network = tinyNetwork(99);
    using optimizer = createOptimizer(network, tinyRecipe);
    return (await checkpointsIn(folder, options).restore({ network, optimizer }))?.step;
  };
  assert.equal(await restoredStep(), 5);
  const path = join(folder, 'state.1');
  writeFileSync(path, readFileSync(path).subarray(0, -8));
  assert.equal(await restoredStep(), 4, 'the latest is damaged');
  const network = tinyNetwork(99);
  await trainNetwork(network, trainingBatches(40, tinyRecipe), tinyRecipe, {
    seed: 'a',
    checkpoints: checkpointsIn(folder, options),
  });
  assert.ok(bytesOf(network).equals(bytesOf(await trained())));
  assert.deepEqual(Object.values(stored()).sort(), ['7', '8', '9']);
  await removeCheckpoints(artifacts, 'training/state');
  assert.deepEqual(readdirSync(folder), []);
});

test('a checkpoint has the precision of its training, which older ones lack', async (context) => {
  const folder = temporaryFolder(context);
  const stored = () =>
    storedPrecision(new FolderArtifacts({ training: folder }), 'training/state', {
      isOwn: (identity) => identity !== 'of another training',
      older: 'float32',
    });
  assert.equal(await stored(), undefined);
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'an older one', seconds: 0 }) });
  assert.equal(await stored(), 'float32');
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine', seconds: 0, precision: 'bfloat16' }) });
  assert.equal(await stored(), 'bfloat16');
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'of another training', seconds: 0 }) });
  assert.equal(await stored(), undefined);
});

test('a checkpoint that fits only partly changes neither the weights nor the optimizer', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'state');
  await trained({ checkpoints: checkpointsIn(folder, { identity: 'mine', seconds: 0 }) });
  const { tensors, metadata } = readSafetensors(path);
  const some = (beginning: string) => Object.keys(tensors).find((name) => name.startsWith(beginning))!;
  const without = (name: string) => Object.fromEntries(Object.entries(tensors).filter(([other]) => other !== name));
  const damages: [Record<string, Tensor>, Record<string, string>][] = [
    [without(some('optimizer.momentum.')), metadata],
    [{ ...tensors, [some('optimizer.momentum.')]: zeros([3]) }, metadata],
    [without(some('network.')), metadata],
    [tensors, { ...metadata, optimizerSteps: 'many' }],
    [tensors, { ...metadata, beside: '["no number"]' }],
    [tensors, { ...metadata, beside: 'no JSON' }],
  ];
  const given: unknown[] = [];
  const restore = (kept: unknown) => void given.push(kept);
  const options = { identity: 'mine', extra: { schema: z.array(z.number()), save: () => [], restore } };
  for (const [parts, texts] of damages) {
    writeSafetensors(path, parts, texts);
    const network = tinyNetwork(99);
    using optimizer = createOptimizer(network, tinyRecipe);
    assert.equal(await checkpointsIn(folder, options).restore({ network, optimizer }), undefined);
    assert.ok(bytesOf(network).equals(bytesOf(tinyNetwork(99))));
    assert.equal(optimizer.stepsTaken, 0);
    for (const tensor of Object.values(optimizer.state())) assert.equal(tensor.abs().sum().item(), 0);
  }
  writeSafetensors(path, tensors, { ...metadata, beside: '[1, 2]' });
  const network = tinyNetwork(99);
  using optimizer = createOptimizer(network, tinyRecipe);
  const { step } = (await checkpointsIn(folder, options).restore({ network, optimizer }))!;
  assert.equal(step, 9, 'the whole one is taken');
  assert.deepEqual(given, [[1, 2]]);
});

test('a loss that is not finite ends the training with its kind of failure', async () => {
  const recipe = { ...tinyRecipe, learningRate: 1e38, clipNorm: 1e30 };
  const training = trainNetwork(tinyNetwork(), trainingBatches(40, recipe), recipe, { seed: 1 });
  await assert.rejects(training, (error: TrainingFailure) => {
    assert.ok(error instanceof TrainingFailure);
    assert.equal(error.kind, 'not-a-number');
    assert.match(error.message, /^the loss was not finite at step \d+ of 10$/);
    return true;
  });
});

test('half an epoch is half of the batches, and is reported as 0.5', async () => {
  const recipe = { ...tinyRecipe, epochs: 1.5 };
  const told: EpochFigures[] = [];
  await trainNetwork(tinyNetwork(), trainingBatches(64, recipe), recipe, {
    seed: 1,
    onEpoch: (figures) => told.push(figures),
  });
  assert.deepEqual(
    told.map(({ epoch }) => epoch),
    [1, 1.5],
  );
  const last = 0.5 * recipe.learningRate * (1 + Math.cos((Math.PI * 11) / 12)); // step 11 of 12
  assert.ok(Math.abs(told[1]!.learningRate - last) < 1e-12);
});

test('training and evaluation leave no live tensor', async () => {
  const batches = trainingBatches(40, tinyRecipe);
  const looks = evaluationBatches(20);
  const network = tinyNetwork();
  const before = liveTensors();
  await trainNetwork(network, batches, tinyRecipe, {
    seed: 1,
    validate: () => evaluateNetwork(network, looks, classes),
  });
  assert.equal(liveTensors(), before);
});
