// Built networks of ImageNet's layout: their counts, their values against a second computation, random architectures in
// both layouts, and that they train.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { crossEntropy } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { NetworkCell } from '../../src/model/cell.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { Path, SharedRelus } from '../../src/model/path.ts';
import { Momentum } from '../../src/nn/optimizers.ts';
import type { Shape } from '../../src/plan/layer.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { type Plan, planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { assertClose, assertNamedAsPlanned, counted } from './built.ts';
import { releasedForward } from './released-forward.ts';

setThreads(1);

test('the built NASNet-A mobile and large have the published numbers of parameters', () => {
  for (const [options, trainableParameters, totalParameters] of [
    [namedModels.mobile, 5_289_978, 5_326_716],
    [namedModels.large, 88_753_150, 88_949_818],
  ] as const) {
    const plan = planNetwork(nasnetA, options);
    const network = buildNetwork(plan, { device: 'meta' }); // shapes without the 360 MB of numbers
    assert.deepEqual(counted(network), { trainableParameters, totalParameters, auxiliaryParameters: 0 });
    assertNamedAsPlanned(network, plan);
  }
});

test("ImageNet's forward pass equals a second computation, straight from the released description, also at odd sizes", () => {
  for (const { input, skipReductionInput } of [
    { input: [70, 97], skipReductionInput: false },
    { input: [97, 75], skipReductionInput: true },
  ] as const) {
    const released = { layout: 'imagenet', filters: 8, skipReductionInput } as const;
    const plan = planNetwork(nasnetA, { ...released, cells: 1, input, classes: 7, auxiliary: true });
    const network = buildNetwork(plan, { seed: 3, dtype: 'float64' });
    scope(() => {
      manualSeed(4);
      const images = randn([2, 3, ...input], { dtype: 'float64' });
      const { logits, auxiliaryLogits } = noGrad(() => network.forward(images));
      const expected = noGrad(() => releasedForward(network.stateDict(), images, released));
      assertClose(logits, expected.logits);
      assertClose(auxiliaryLogits!, expected.auxiliaryLogits);
    });
  }
});

test('random architectures in both layouts build as planned, every part gives the planned shape, and every parameter a finite gradient', () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new RandomStream(seed);
    const architecture = decode(sampleDecisions(random));
    const layout = seed % 4 === 0 ? 'cifar' : 'imagenet';
    const auxiliary = seed % 8 === 1;
    const side = () => (layout === 'cifar' ? 9 : auxiliary ? 67 : 17) + random.integer(24);
    const input = [side(), side()] as const;
    const around = { layout, input, classes: 3, stemChannels: 1 + random.integer(6) } as const;
    const size = { cells: random.integer(3), filters: 1 + random.integer(8) };
    const plan = planNetwork(architecture, { ...around, ...size, auxiliary, skipReductionInput: seed % 2 === 0 });
    const network = buildNetwork(plan, { seed });
    assertNamedAsPlanned(network, plan);
    assertPartsAsPlanned(plan, `seed ${seed}`);
    scope(() => {
      manualSeed(seed);
      const { logits, auxiliaryLogits } = network.forward(randn([2, 3, ...input]));
      assert.deepEqual(logits.shape, [2, 3]);
      assert.equal(auxiliaryLogits !== undefined, auxiliary);
      const loss = logits.square().sum();
      backward(auxiliaryLogits ? loss.add(auxiliaryLogits.square().sum()) : loss);
      // This also shows that there is no cell without readers.
      for (const [name, { grad }] of network.namedParameters()) {
        assert.ok(grad, `seed ${seed}: ${name} has no gradient`);
        assert.equal(grad.isFinite().all().item(), 1, `seed ${seed}: ${name}`);
      }
    });
    network.dispose();
  }
});

/** Runs the stem and each cell by itself on inputs of their planned shapes. */
function assertPartsAsPlanned(plan: Plan, where: string): void {
  const shapes = new Map(plan.cells.map(({ name, shape }) => [name, shape]));
  shapes.set(plan.stemName, plan.stem.at(-1)!.output);
  const randomImages = (shape: Shape | undefined) => shape && randn([2, shape[2], shape[0], shape[1]]);
  const planShape = ({ shape: [images, channels, height, width] }: Tensor) => [images, height, width, channels];
  scope(() =>
    noGrad(() => {
      const stem = new Path(plan.stem).forward(randomImages(plan.input)!, new SharedRelus());
      assert.deepEqual(planShape(stem), [2, ...shapes.get(plan.stemName)!], where);
      for (const cell of plan.cells) {
        const inputs = cell.sources.map((name) => randomImages(shapes.get(name)));
        const [result] = new NetworkCell(cell).forward(inputs, new SharedRelus(), 0);
        assert.deepEqual(planShape(result!), [2, ...cell.shape], `${where}, ${cell.name}`);
      }
    }),
  );
  for (const { name, shape } of plan.endpoints) {
    const cell = name === 'Stem' && plan.layout === 'imagenet' ? 'Cell_Stem_1' : name;
    if (name !== 'global_pool') assert.deepEqual(shape, shapes.get(cell), `${where}, ${name}`);
  }
}

test('a small ImageNet network memorises two images, and so does its auxiliary head', () => {
  const around = { layout: 'imagenet', input: 96, classes: 1001, auxiliary: true, skipReductionInput: true } as const;
  const network = buildNetwork(planNetwork(nasnetA, { ...around, cells: 1, filters: 8 }), { seed: 1 });
  const optimizer = new Momentum(network.namedParameters(), { momentum: 0.9 });
  const losses = Array.from({ length: 8 }, () =>
    scope(() => {
      manualSeed(2);
      const { logits, auxiliaryLogits } = network.forward(randn([2, 3, 96, 96]));
      const labels = tensor([0, 1000], [2], { dtype: 'int64' });
      const [loss, auxiliaryLoss] = [crossEntropy(logits, labels), crossEntropy(auxiliaryLogits!, labels)];
      network.zeroGrad();
      backward(loss.add(auxiliaryLoss, 0.4));
      optimizer.step(0.05);
      return [loss.item(), auxiliaryLoss.item()];
    }),
  );
  for (const loss of losses[0]!) assert.ok(Math.abs(loss - Math.log(1001)) < 1, `starts at ${loss}`);
  for (const loss of losses.at(-1)!) assert.ok(loss < 0.1, `ends at ${loss}`);
});
