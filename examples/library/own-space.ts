// A custom search space: some of the paper's operations, others of the same kinds, three blocks, another combiner. It
// is a value: the study stores it, and an architecture carries the custom operations into networks, files, drawings and
// ONNX.

import { writeFileSync } from 'node:fs';
import { createClassifier, defineSpace, drawArchitecture, openStudy, operations, planNetwork, ready } from 'nasnet';
import { randn, scope } from 'nasnet/engine';

const { conv_3x3, max_pool_7x7, ...others } = operations;
const space = defineSpace({
  name: 'wide kernels',
  operations: {
    ...others,
    sep_conv_9x9: { kind: 'separable', kernel: 9 },
    avg_pool_5x5: { kind: 'average-pool', kernel: 5 },
  },
  combiners: ['add', 'concat', 'add_layer_norm'],
  blocks: 3,
});

using study = openStudy('wide.db', { space, trials: 40 });
for (const trial of study.trials()) {
  const cells = [trial.architecture.normal, trial.architecture.reduction];
  const wide = cells
    .flatMap(({ blocks }) => blocks.flatMap((block) => block.operations))
    .filter((name) => name.includes('9x9'));
  trial.tell({ reward: wide.length / 12 }); // the share of wide kernels
}
const [best] = study.best();
console.log(`${best!.reward * 12} of 12 operations are sep_conv_9x9`);
writeFileSync('wide.svg', drawArchitecture(best!.architecture, { title: `Trial ${best!.number}` }));

await ready({ threads: 1 });
using network = createClassifier(best!.architecture, { cells: 1, filters: 4, input: 16, classes: 3 });
scope(() => console.log(`logits [${network.logits(randn([2, 3, 16, 16])).shape.join(', ')}]`));
await network.exportOnnx('wide.onnx', { verify: false });
console.log(
  `${planNetwork(best!.architecture, { cells: 6, filters: 32 }).trainableParameters} parameters at full size`,
);
