// An ONNX file run by onnxruntime on the CPU: for verifying what we export and for timing it. The runtime is an optional
// dependency, loaded at the first use.

import type { InferenceSession } from 'onnxruntime-node';
import { Failure } from '../../failure.ts';

export interface SessionOptions {
  /** That one operator may use. Default: onnxruntime's own choice, the machine's cores. */
  threads?: number | undefined;
}

export interface OnnxSession {
  /** [images, channels, height, width] in row-major order → the first output, [images, classes] */
  run(images: Float32Array, shape: readonly number[]): Promise<Float32Array>;
  /** Frees the runtime's memory. */
  close(): Promise<void>;
}

/**
 * Opens a network of ours from its file or its bytes.
 * @throws Failure where onnxruntime is not installed, and for a file that it refuses
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions = {}): Promise<OnnxSession> {
  const runtime = await loadRuntime();
  const session = await createSession(runtime, model, options);
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  return {
    async run(images, shape) {
      const results = await session.run({ [input]: new runtime.Tensor('float32', images, shape) });
      return results[output]!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

type Runtime = typeof import('onnxruntime-node');

/** @throws Failure that says how to install it */
export async function loadRuntime(): Promise<Runtime> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new Failure(
      `onnxruntime-node, which runs ONNX files, could not be loaded (${reason}): ` +
        'install it with `npm install --ignore-scripts onnxruntime-node`',
    );
  }
}

async function createSession(runtime: Runtime, model: string | Uint8Array, { threads }: SessionOptions) {
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    logSeverityLevel: 3, // errors only
    ...(threads !== undefined && { intraOpNumThreads: threads }),
  };
  const { create } = runtime.InferenceSession;
  try {
    return typeof model === 'string' ? await create(model, options) : await create(model, options);
  } catch (error) {
    const name = typeof model === 'string' ? model : 'the ONNX model';
    throw new Failure(`${name}: onnxruntime refuses it (${(error as Error).message})`);
  }
}
