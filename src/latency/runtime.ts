// The two runtimes that are timed: our engine, on the CPU or a GPU, and onnxruntime with the network's ONNX file.
// Each prepares a batch of random images once and returns a function that runs it.

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
  /** Prepares a batch of this many images. The returned function runs it and waits for the result, also on a GPU. */
  prepare(batch: number): () => void | Promise<void>;
  close(): void | Promise<void>;
}

const imageSeed = 1;

/**
 * Opens our engine.
 * @param network in evaluation mode, on the CPU
 * @param device 'cpu', or one of `devices()` such as 'cuda:0'
 */
export function openEngine(network: Network, { device, threads }: { device: string; threads: number }): OpenRuntime {
  setThreads(threads);
  const onDevice = device === 'cpu' ? network : copyTo(network, device);
  const [height, width, channels] = network.plan.input;
  let images: Tensor | undefined;
  return {
    prepare(batch) {
      images?.dispose();
      images = scope(() => {
        const random = rand([batch, channels, height, width], { generator: new Generator(imageSeed) });
        return keep(random.mul(2).sub(1).contiguous('channels_last').to(device));
      });
      const input = images;
      return () => {
        scope(() => noGrad(() => void onDevice.forward(input)));
        if (device !== 'cpu') synchronize(); // calls return before a GPU has computed
      };
    },
    close() {
      images?.dispose();
      if (onDevice !== network) onDevice.dispose();
    },
  };
}

function copyTo(network: Network, device: string): Network {
  const copy = buildNetwork(network.plan, { device, initialise: false }).train(false);
  copy.loadStateDict(network.stateDict());
  return copy;
}

/** Opens onnxruntime with the network's ONNX file. @throws Failure if onnxruntime is not installed */
export async function openOnnx(
  network: Network,
  description: ModelDescription,
  { threads }: { threads: number },
): Promise<OpenRuntime> {
  const { buildOnnx } = await import('../export/onnx/export-onnx.ts'); // our engine does not need it
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
