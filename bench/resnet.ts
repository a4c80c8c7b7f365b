// A residual network for CIFAR-10's images in nasnet's engine and training loop: the plain network that a search has to
// beat (He et al., 2016, section 4.2).

import { cpu } from '../src/engine/device.ts';
import { scope } from '../src/engine/memory.ts';
import { generatorState, manualSeed, setGeneratorState } from '../src/engine/random.ts';
import type { Tensor } from '../src/engine/tensor.ts';
import { BatchNorm2d, Conv2d, Linear } from '../src/nn/layers.ts';
import { Module } from '../src/nn/module.ts';
import type { Trainable } from '../src/train/trainable.ts';

export interface ResNetSizes {
  /** Blocks in each of three stages: 6 · blocks + 2 layers with weights. */
  blocks: number;
  /** Channels of the first stage; the next ones have twice and four times as many. */
  filters: number;
  /** Side of the images in pixels. */
  side: number;
  classes: number;
}

/** Two convolutions parallel to the identity, or to a projection if the shape changes. */
class Block extends Module {
  readonly #first: Conv2d;
  readonly #firstNorm: BatchNorm2d;
  readonly #second: Conv2d;
  readonly #secondNorm: BatchNorm2d;
  readonly #projection: { convolution: Conv2d; norm: BatchNorm2d } | undefined;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.#first = this.child('first', new Conv2d({ inputs, outputs, kernel: 3, stride, padding: 1 }));
    this.#firstNorm = this.child('first_norm', new BatchNorm2d({ channels: outputs }));
    this.#second = this.child('second', new Conv2d({ inputs: outputs, outputs, kernel: 3, padding: 1 }));
    this.#secondNorm = this.child('second_norm', new BatchNorm2d({ channels: outputs }));
    this.#projection =
      inputs === outputs && stride === 1
        ? undefined
        : {
            convolution: this.child('projection', new Conv2d({ inputs, outputs, kernel: 1, stride })),
            norm: this.child('projection_norm', new BatchNorm2d({ channels: outputs })),
          };
  }

  /** [images, inputs, h, w] → [images, outputs, h / stride, w / stride] */
  forward(input: Tensor): Tensor {
    const inner = this.#firstNorm.forward(this.#first.forward(input)).relu();
    const result = this.#secondNorm.forward(this.#second.forward(inner));
    const { convolution, norm } = this.#projection ?? {};
    return result.add(convolution ? norm!.forward(convolution.forward(input)) : input).relu();
  }
}

export class ResNet extends Module implements Trainable {
  readonly device = cpu;
  readonly plan: Trainable['plan'];
  readonly #stem: Conv2d;
  readonly #stemNorm: BatchNorm2d;
  readonly #blocks: Block[];
  readonly #head: Linear;

  private constructor({ blocks, filters, side, classes }: ResNetSizes) {
    super();
    const widths = [filters, 2 * filters, 4 * filters];
    this.#stem = this.child('stem', new Conv2d({ inputs: 3, outputs: filters, kernel: 3, padding: 1 }));
    this.#stemNorm = this.child('stem_norm', new BatchNorm2d({ channels: filters }));
    this.#blocks = widths.flatMap((width, stage) =>
      Array.from({ length: blocks }, (_, place) => {
        const begins = place === 0;
        const inputs = begins && stage > 0 ? width / 2 : width;
        return this.child(`stage_${stage}_block_${place}`, new Block(inputs, width, begins && stage > 0 ? 2 : 1));
      }),
    );
    this.#head = this.child('head', new Linear({ inputs: 4 * filters, outputs: classes }));
    this.plan = {
      input: [side, side, 3],
      classes,
      stem: [],
      endpoints: widths.map((width, stage) => ({
        name: `stage_${stage}`,
        shape: [side / 2 ** stage, side / 2 ** stage, width],
      })),
    };
  }

  /** A seed gives the same weights everywhere; the engine's generator stays unchanged. */
  static build(sizes: ResNetSizes, seed: number): ResNet {
    const state = generatorState();
    manualSeed(seed);
    const network = new ResNet(sizes);
    setGeneratorState(state);
    return network;
  }

  /** [images, 3, side, side] → logits [images, classes] */
  forward(images: Tensor): { logits: Tensor } {
    const run = (block: Block, input: Tensor) =>
      this.training ? block.forward(input) : scope(() => block.forward(input));
    const stem = this.#stemNorm.forward(this.#stem.forward(images)).relu();
    const states = this.#blocks.reduce((state, block) => run(block, state), stem);
    return { logits: this.#head.forward(states.mean([2, 3])) };
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
