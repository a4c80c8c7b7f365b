// The networks that the benches compare, for nasnet's training loop: NASNet-A and a ResNet.

import { Child } from '../src/children/child-network.ts';
import { type Computing, cpu } from '../src/engine/device.ts';
import { nasnetA } from '../src/space/published.ts';
import type { Training } from '../src/study/settings.ts';
import type { InTraining } from '../src/train/checkpoint.ts';
import { createOptimizer } from '../src/train/optimizer.ts';
import { ResNet } from './resnet.ts';

/** @param training of a ResNet: `cells` blocks a stage, the first of `filters` channels; on the CPU in float32 only */
export function openTrainee(
  kind: 'nasnet-a' | 'resnet',
  training: Training,
  { classes, seed, computing }: { classes: number; seed: number; computing: Computing },
): InTraining & Disposable {
  if (kind === 'nasnet-a') return new Child(nasnetA, training, { classes, seed, computing });
  const { device = cpu, precision = 'float32' } = computing;
  if (device !== cpu || precision !== 'float32') throw new Error('expected float32 on the CPU for a ResNet');
  const { cells: blocks, filters, resolution: side, recipe } = training;
  const network = ResNet.build({ blocks, filters, side, classes }, seed);
  const optimizer = createOptimizer(network, recipe);
  return {
    network,
    optimizer,
    [Symbol.dispose]() {
      optimizer.dispose();
      network.dispose();
    },
  };
}
