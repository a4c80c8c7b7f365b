// The two ways to run a network that are timed: our own engine, on the CPU or a GPU, and its ONNX file through onnxruntime.
// Each prepares a batch of random images once and hands out a function that runs it.

import { rand } from '../engine/create.ts';
import { setThreads, synchronize } from '../engine/machine.ts';
import { keep, noGrad, scope } from '../engine/memory.ts';
import { Generator } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { ModelDescription } from '../model/model-file.ts';
import { buildNetwork, type Network } from '../model/network.ts';
import { RandomStream } from '../random/stream.ts';

export const runtimes = ['nasnet', 'onnxruntime'] as const;
export type Runtime = (typeof runtimes)[number];

export interface OpenRuntime {
  /** Runs one batch of this many images; returns when the answers are there, on a GPU too. */
  prepare(batch: number): () => void | Promise<void>;
  close(): void | Promise<void>;
}

const imageSeed = 1;

/** @param network in evaluation, on the CPU @param device 'cpu', or 'cuda:0' … of `devices()` */
export function openEngine(network: Network, { device, threads }: { device: string; threads: number }): OpenRuntime {
  setThreads(threads);
  const placed = device === 'cpu' ? network : copyTo(network, device);
  const [height, width, channels] = network.plan.input;
  let images: Tensor | undefined;
  return {
    prepare(batch) {
      images?.dispose();
      images = scope(() => {
        const drawn = rand([batch, channels, height, width], { generator: new Generator(imageSeed) });
        return keep(drawn.mul(2).sub(1).contiguous('channels_last').to(device));
      });
      const held = images;
      return () => {
        scope(() => noGrad(() => void placed.forward(held))); // the answers die with the rest
        if (device !== 'cpu') synchronize(); // a GPU answers before it has computed
      };
    },
    close() {
      images?.dispose();
      if (placed !== network) placed.dispose();
    },
  };
}

function copyTo(network: Network, device: string): Network {
  const copy = buildNetwork(network.plan, { device, initialise: false }).train(false);
  copy.loadStateDict(network.stateDict());
  return copy;
}

/** @throws Failure where onnxruntime is not installed */
export async function openOnnx(
  network: Network,
  description: ModelDescription,
  { threads }: { threads: number },
): Promise<OpenRuntime> {
  const { buildOnnx } = await import('../export/onnx/export-onnx.ts'); // our own engine needs none of it
  const { openSession } = await import('../export/onnx/session.ts');
  const session = await openSession(buildOnnx(network, description), { threads });
  const [height, width, channels] = network.plan.input;
  return {
    prepare(batch) {
      const random = new RandomStream(imageSeed);
      const images = Float32Array.from({ length: batch * channels * height * width }, () => 2 * random.uniform() - 1);
      return async () => {
        await session.run(images, [batch, channels, height, width]);
      };
    },
    close: () => session.close(),
  };
}
