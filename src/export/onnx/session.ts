// Runs an ONNX file in onnxruntime on the CPU, to verify and time exports. The runtime is an optional dependency,
// loaded at the first use.

import type { InferenceSession } from 'onnxruntime-node';
import { Failure } from '../../failure.ts';

export interface SessionOptions {
  /** Threads per operator. Default: onnxruntime's choice, the number of cores. */
  threads?: number | undefined;
}

export interface OnnxSession {
  /**
   * Returns the first output [images, classes] for images [images, channels, height, width], both in row-major order.
   */
  run(images: Float32Array, shape: readonly number[]): Promise<Float32Array>;
  /** Returns all outputs by name, for a graph whose outputs are all float32. */
  runAll(images: Float32Array, shape: readonly number[]): Promise<Record<string, Float32Array>>;
  /** Frees the runtime's memory. */
  close(): Promise<void>;
}

/**
 * Opens an exported network from its file or its bytes.
 * @throws Failure if onnxruntime is not installed or refuses the model
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions = {}): Promise<OnnxSession> {
  const runtime = await loadRuntime();
  const session = await createSession(runtime, model, options);
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const runAll: OnnxSession['runAll'] = async (images, shape) => {
    const results = await session.run({ [input]: new runtime.Tensor('float32', images, shape) });
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
  };
  return {
    run: async (images, shape) => (await runAll(images, shape))[output]!,
    runAll,
    close: () => session.release(),
  };
}

type Runtime = typeof import('onnxruntime-node');

/** Loads onnxruntime. @throws Failure with instructions if it is not installed */
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
