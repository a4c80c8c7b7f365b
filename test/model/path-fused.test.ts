// A network of fused units against the same network layer by layer: NASNET_FUSED=off changes no result.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { switches } from '../../src/environment.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { sampleDecisions } from '../../src/space/sample.ts';

function withFused<T>(value: 'on' | 'off', body: () => T): T {
  const before = switches.fused;
  switches.fused = value === 'on';
  try {
    return body();
  } finally {
    switches.fused = before;
  }
}

/** Σ |a − b| / Σ |b| */
function distance(one: Tensor, other: Tensor): number {
  return (one.sub(other).abs().sum().item() as number) / Math.max(other.abs().sum().item() as number, 1e-6);
}

test('fused random networks have the parameters, results, gradients and moving statistics of separate layers', () => {
  for (let seed = 0; seed < 6; seed++) {
    scope(() => {
      const plan = planNetwork(decode(sampleDecisions(new RandomStream(`fused ${seed}`))), {
        cells: 1,
        filters: 6 + seed,
        input: 16,
      });
      manualSeed(seed);
      const images = randn([8, 3, 16, 16]);
      const [fused, plain] = (['on', 'off'] as const).map((value) =>
        withFused(value, () => {
          const network = buildNetwork(plan, { seed });
          const { logits } = network.forward(images);
          const loss = logits.pow(2).sum();
          const actual = gradients(loss, network.parameters());
          const evaluated = noGrad(() => network.train(false).forward(images).logits);
          return { network, tensors: [logits, evaluated], actual };
        }),
      ) as [Side, Side];
      const names = [...plain.network.namedParameters().keys()];
      assert.deepEqual([...fused.network.namedParameters().keys()], names);
      fused.tensors.forEach((each, index) => {
        assert.ok(distance(each, plain.tensors[index]!) < 1e-3, `seed ${seed}, result ${index}`);
      });
      const all = (side: Side) => side.actual.map((each) => each!.flatten());
      const sum = (tensors: Tensor[]) =>
        tensors.reduce((total, each) => total + (each.abs().sum().item() as number), 0);
      const apart = all(fused).map((each, index) => each.sub(all(plain)[index]!));
      assert.ok(
        sum(apart) < 1e-2 * sum(all(plain)),
        `seed ${seed}: gradients differ by ${sum(apart)} of ${sum(all(plain))}`,
      );
      const state = plain.network.stateDict();
      for (const [name, tensor] of Object.entries(fused.network.stateDict())) {
        assert.ok(distance(tensor, state[name]!) < 1e-3, `seed ${seed}: ${name}`);
      }
    });
  }
});

interface Side {
  network: ReturnType<typeof buildNetwork>;
  tensors: Tensor[];
  actual: (Tensor | undefined)[];
}
