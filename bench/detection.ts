// Our detector with the head fpn beside torchvision's Faster R-CNN (Debian's python3-torchvision), one thread each, in
// turns: the same input, proposals and head, and a NASNet-A whose backbone costs as many multiply-adds as ResNet-18.
//
// node bench/detection.ts [--size 256] [--batch 2] [--rounds 5]

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { buildDetector } from '../src/detect/detector.ts';
import { planDetector } from '../src/detect/detector-plan.ts';
import { detectorSettings } from '../src/detect/detector-settings.ts';
import { lossNames } from '../src/detect/losses.ts';
import { rand } from '../src/engine/create.ts';
import { backward, clearGradients } from '../src/engine/gradient.ts';
import { setThreads } from '../src/engine/machine.ts';
import { scope } from '../src/engine/memory.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { RandomStream } from '../src/random/stream.ts';
import { nasnetA } from '../src/space/published.ts';
import { optimizerOf } from '../src/train/optimizer.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '256' },
    batch: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
  },
});
const [size, batch, rounds] = [Number(values.size), Number(values.batch), Number(values.rounds)];
const classes = 80;
const proposals = 300;
/** ResNet-18 without its classifier (torchvision: 1.814 G at 224 × 224), in proportion to the area. */
const resnet18 = 1.8136e9 * (size / 224) ** 2;

setThreads(1);
const plan = equalBackbone();
const detector = buildDetector(nasnetA, plan.settings, classes, { seed: 1 });
const parameters = detector.parameters();
const optimizer = optimizerOf(detector.namedParameters(), {
  momentum: 0.9,
  weightDecay: 0,
  nesterov: false,
});
const images = rand([batch, 3, size, size]);
const one = images.narrow(0, 0, 1);
const corners = [0.1, 0.1, 0.4, 0.5, 0.5, 0.2, 0.9, 0.6, 0.2, 0.6, 0.5, 0.9].map((share) => share * size);
const truth = { boxes: Float32Array.from(corners), labels: Int32Array.of(0, 1, 2), extent: [size, size] as const };
const truths = Array.from({ length: batch }, () => truth);

const steps = {
  inference: () => void detector.detect(one, [[size, size]]),
  training: () => {
    detector.train(true);
    scope(() => {
      clearGradients(parameters);
      const losses = detector.losses(images, truths, new RandomStream(1), 0);
      backward(lossNames.map((name) => losses[name]).reduce((sum: Tensor, each) => sum.add(each)));
      optimizer.step(1e-6);
    });
  },
};

const job = JSON.stringify({ size, batch, classes, proposals, anchor: plan.settings.anchor });
const peer = spawn('/usr/bin/python3', [`${import.meta.dirname}/peers/fasterrcnn.py`, job], {
  stdio: ['pipe', 'pipe', 'inherit'],
  env: { ...process.env, OMP_NUM_THREADS: '1' },
});
const answers = createInterface(peer.stdout)[Symbol.asyncIterator]();
const { value: versions } = await answers.next();
console.log(`torchvision: ${versions}`);
console.log(
  `nasnet-a with ${plan.settings.network.filters} filters: backbone ${giga(backboneCost(plan))}, all ${giga(plan.multiplyAdds)}; ResNet-18 ${giga(resnet18)}`,
);

for (const mode of ['inference', 'training'] as const) {
  const times = { nasnet: [] as number[], torchvision: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now();
    steps[mode]();
    const ours = performance.now() - began;
    peer.stdin.write(`${mode}\n`);
    const theirs = Number((await answers.next()).value);
    if (round === 0) continue; // the first of both prepares
    times.nasnet.push(ours);
    times.torchvision.push(theirs);
  }
  for (const [name, all] of Object.entries(times)) {
    const milliseconds = median(all);
    const words =
      mode === 'inference'
        ? `${milliseconds.toFixed(0)} ms a picture`
        : `${((1000 * batch) / milliseconds).toFixed(2)} training pictures a second`;
    console.log(`${mode}, ${name}: ${words} (${all.map((each) => each.toFixed(0)).join(', ')} ms)`);
  }
}
peer.stdin.end();

/** The detector whose backbone is nearest to ResNet-18's multiply-adds. */
function equalBackbone() {
  const plans = Array.from({ length: 40 }, (_, index) => {
    const network = { cells: 4, filters: 8 + 4 * index, stemChannels: 32 };
    const settings = detectorSettings({ head: 'fpn', network, input: [size, size], proposals, frozenNorms: true });
    return planDetector(nasnetA, settings, classes);
  });
  const distance = (each: ReturnType<typeof planDetector>) => Math.abs(Math.log(backboneCost(each) / resnet18));
  return plans.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}

function backboneCost({ pictureParts }: ReturnType<typeof planDetector>): number {
  return pictureParts[0]!.multiplyAdds;
}

function giga(multiplyAdds: number): string {
  return `${(multiplyAdds / 1e9).toFixed(2)} G`;
}
