// Custom operations made of layers: an inverted bottleneck (MobileNetV2) with three times the channels inside, and a
// plain 5×1, 1×5.
// Costs, networks, drawings and ONNX support them; studies and model files store them by value.

import {
  createClassifier,
  decode,
  defineOperation,
  defineSpace,
  drawArchitecture,
  openStudy,
  operations,
  planNetwork,
  ready,
} from 'nasnet';
import { randn, scope } from 'nasnet/engine';

const bottleneck = defineOperation({
  label: 'bottleneck ×3',
  layers: (path, { filters, stride }) =>
    path
      .convolution('widen', { channels: 3 * filters })
      .batchNorm('widen_norm')
      .relu()
      .depthwise('depthwise', { kernel: 3, stride })
      .batchNorm('depthwise_norm')
      .relu()
      .convolution('narrow', { channels: filters })
      .batchNorm('narrow_norm'),
});
const cross = defineOperation({
  label: '5×1 1×5',
  layers: (path, { filters, stride }) =>
    path
      .relu()
      .convolution('down', { channels: filters / 2, kernel: [5, 1], stride: [stride, 1] })
      .convolution('across', { channels: filters, kernel: [1, 5], stride: [1, stride] })
      .batchNorm(),
});
const space = defineSpace({
  name: 'bottlenecks',
  operations: { identity: operations.identity, max_pool_3x3: operations.max_pool_3x3, bottleneck, cross },
  blocks: 2,
});

using study = openStudy('bottlenecks.db', { space, trials: 20 });
for (const trial of study.trials()) {
  const { trainableParameters } = planNetwork(trial.architecture, { cells: 1, filters: 8 });
  trial.tell({ reward: Math.min(1, trainableParameters / 20_000) });
}

// both cells use both operations
const architecture = decode([0, 1, 2, 3, 0, 2, 0, 2, 1, 1, 0, 1, 2, 3, 0, 2, 2, 3, 0, 0], space);
console.log(`drawn: ${drawArchitecture(architecture).includes('bottleneck ×3')}`);
await ready({ threads: 1 });
using network = createClassifier(architecture, { cells: 1, filters: 4, input: 16, classes: 3 });
scope(() => console.log(`logits [${network.logits(randn([2, 3, 16, 16])).shape.join(', ')}]`));
const { nodes } = await network.exportOnnx('bottlenecks.onnx', { verify: false });
console.log(
  `${network.plan.trainableParameters} parameters, ${nodes} nodes of ONNX, best trial ${study.best()[0]!.number}`,
);
