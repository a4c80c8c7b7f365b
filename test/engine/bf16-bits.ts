// Prints the bits of bfloat16 convolutions and their gradients, which are only products of pairs: every version of our
// kernels must print the same.

import { createHash } from 'node:crypto';
import { randn } from '../../src/engine/create.ts';
import { fusedConvolution } from '../../src/engine/fused.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import { cases, perUnit, variable } from './unit-cases.ts';

manualSeed(11);
for (const each of cases('bits', 60)) {
  const { kind, stride, padding, dilation, channels } = each.units[0]!;
  if (kind === 'depthwise') continue;
  const hash = createHash('sha256');
  scope(() => {
    const input = variable(randn([each.images, channels, each.height, each.width]).contiguous('channels_last'));
    const weight = variable(perUnit(each.units[0]!)[1]!);
    const window = { stride, padding, dilation, relu: each.relu, precision: 'bfloat16' } as const;
    const result = fusedConvolution(input, { ...window, weight });
    for (const tensor of [result, ...gradients(result.pow(2).sum(), [input, weight])]) {
      hash.update(tensor!.detach().to('float32').contiguous().toArray() as Float32Array);
    }
  });
  console.log(JSON.stringify(each), hash.digest('hex'));
}
