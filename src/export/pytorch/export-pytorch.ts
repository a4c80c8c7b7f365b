// Exports a network as one readable Python file and a file of weights. The Python file is network.py with the tables of
// this network and a few logits for its self-check.

import { readFileSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tensor } from '../../engine/create.ts';
import { noGrad, scope } from '../../engine/memory.ts';
import { Failure, InputError, Interruption } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import { writeModel } from '../../model/model-file.ts';
import type { Network } from '../../model/network.ts';
import { nasnetVersion } from '../../version.ts';
import { temporaryFolder, writeWhole } from '../../whole-file.ts';
import { whole } from '../../words.ts';
import { checkPyTorch } from './check.ts';
import { pythonFraming, pythonOperations, pythonTables, pythonView } from './tables.ts';

export interface PyTorchOptions {
  /** Whether to run the file's check in Python, if it has torch. Default true. */
  verify?: boolean | undefined;
  /** The Python program. Default: python3. */
  python?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface PyTorchResult {
  /** The path of the weights, a safetensors file in the same folder and with the same name as the Python file. */
  weights: string;
  bytes: number;
  weightsBytes: number;
  /** max|a − b| / max|a| of the first logits for one image, where a are the engine's; undefined without comparison. */
  largestDifference: number | undefined;
  /** The reason if the requested comparison could not run. */
  unverified?: string;
}

/**
 * Writes `path`, which ends in .py, and its weights, after they have been compared.
 * @throws InputError if Python cannot import the name; Failure if the logits differ by more than 1e-4 or a file cannot
 *   be written; Interruption if the signal is aborted
 */
export async function writePyTorch(
  path: string,
  network: Network,
  description: ModelDescription,
  { verify = true, python, signal }: PyTorchOptions = {},
): Promise<PyTorchResult> {
  const name = moduleName(path);
  const text = pythonSource(name, network, description);
  const weights = path.replace(/\.py$/, '.safetensors');
  const staging = stagingFolder(path);
  const [source, tensors] = [join(staging, `${name}.py`), join(staging, `${name}.safetensors`)];
  try {
    const bytes = writeWhole(source, [text]);
    writeModel(tensors, network, description);
    const weightsBytes = statSync(tensors).size;
    const check = verify ? await checkPyTorch(source, { python, signal }) : {};
    await moveInPlace(tensors, weights);
    await moveInPlace(source, path);
    return { weights, bytes, weightsBytes, largestDifference: undefined, ...check };
  } catch (error) {
    if (signal?.aborted) throw new Interruption(`${path}: stopped before the file was compared, nothing is written`);
    throw error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

const importedModules = ['collections', 'functools', 'json', 'pathlib', 'sys', 'torch'];

function moduleName(path: string): string {
  const name = basename(path, '.py');
  if (path.endsWith('.py') && /^[A-Za-z_]\w*$/.test(name) && !importedModules.includes(name)) return name;
  throw new InputError(
    `${path}: expected a name that Python can import, such as nasnet_a.py (letters, digits and _, none of ` +
      `${importedModules.join(', ')}), got ${basename(path)}`,
  );
}

/** Returns the text of the Python file for the module `name`. */
export function pythonSource(name: string, network: Network, description: ModelDescription): string {
  const { plan } = network;
  const [height, width] = plan.input.map(String) as [string, string];
  const values: Record<string, string> = {
    name,
    summary: summary(network, description),
    tables: pythonTables(plan, description, referenceLogits(network, description).slice(0, logitCount)),
    operations: pythonOperations(description.architecture.operations),
    ...pythonFraming(description.preprocessing),
    view: pythonView(description.preprocessing, plan.input),
    height,
    width,
  };
  const template = readFileSync(new URL('./network.py', import.meta.url), 'utf8');
  return template.replace(/\$([a-z]+)/g, (_, key: string) => values[key]!);
}

function summary({ plan }: Network, { origin }: ModelDescription): string {
  const [height, width] = plan.input;
  return [
    `A NASNet image classifier for PyTorch, written by nasnet ${nasnetVersion()}.`,
    '',
    `${height} × ${width} pixels in, ${whole(plan.classes)} classes out; ${whole(plan.trainableParameters)} parameters,`,
    `${whole(plan.multiplyAdds)} multiply-adds. Weights: ${origin.replace(/["\\]/g, "'")}.`,
  ].join('\n');
}

const logitCount = 10;

/** Returns the logits for the image of the file's check(): bytes of a fixed pattern, normalised. */
function referenceLogits(network: Network, { preprocessing }: ModelDescription): number[] {
  const [height, width, channels] = network.plan.input;
  const { mean, deviation } = preprocessing;
  const pixels = new Float32Array(channels * height * width);
  pixels.forEach((_, index) => {
    const [channel, y, x] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
    const byte = (7 * x * x + 13 * y * y + 3 * x * y + 97 * channel) % 256;
    pixels[index] = (byte - mean[channel]!) / deviation[channel]!;
  });
  const { training } = network;
  network.train(false);
  try {
    return scope(() =>
      noGrad(() => [...network.forward(tensor(pixels, [1, channels, height, width])).logits.toArray()]),
    );
  } finally {
    network.train(training);
  }
}

/** Creates a temporary folder next to the file, so that a rename can move the checked files in place. */
function stagingFolder(path: string): string {
  try {
    return temporaryFolder(dirname(path));
  } catch (error) {
    throw new Failure(`${path}: the file could not be written (${(error as Error).message})`);
  }
}

function moveInPlace(from: string, to: string): Promise<void> {
  return rename(from, to).catch((error: Error) => {
    throw new Failure(`${to}: the file could not be written (${error.message})`);
  });
}
