// A network as one readable Python file with its weights beside it: network.py, the tables of this network in it, and a few logits by
// which the file can tell whether it computes the same.

import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tensor } from '../../engine/create.ts';
import { noGrad, scope } from '../../engine/memory.ts';
import { Failure, InputError, Interruption } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import { writeModel } from '../../model/model-file.ts';
import type { Network } from '../../model/network.ts';
import { nasnetVersion } from '../../version.ts';
import { writeWhole } from '../../whole-file.ts';
import { checkPyTorch } from './check.ts';
import { pythonFraming, pythonOperations, pythonTables, pythonView } from './tables.ts';

export interface PyTorchOptions {
  /** Whether Python, where it has torch, compares the file with the engine. Default true. */
  verify?: boolean | undefined;
  /** The Python that does. Default: python3. */
  python?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface PyTorchResult {
  /** The weights, in safetensors, beside the Python file under the same name. */
  weights: string;
  bytes: number;
  weightsBytes: number;
  /** Of the first logits for one image, max|a − b| / max|a| with a the engine's; undefined where nothing was compared. */
  largestDifference: number | undefined;
  /** Why nothing was compared though it was asked for. */
  unverified?: string;
}

/**
 * Writes `path`, which ends in .py, and the weights beside it, both only after they were compared.
 * @throws InputError for a name that Python cannot import; Failure where the logits differ by more than 1e-4 or the disk refuses;
 * Interruption when the signal is aborted
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
  const staging = await stagingFolder(path);
  const [source, tensors] = [join(staging, `${name}.py`), join(staging, `${name}.safetensors`)];
  try {
    const bytes = writeWhole(source, [text]);
    writeModel(tensors, network, description);
    const weightsBytes = statSync(tensors).size;
    const checked = verify ? await checkPyTorch(source, { python, signal }) : {};
    await inPlace(tensors, weights);
    await inPlace(source, path);
    return { weights, bytes, weightsBytes, largestDifference: undefined, ...checked };
  } catch (error) {
    if (signal?.aborted) throw new Interruption(`${path}: stopped before the file was compared, nothing is written`);
    throw error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

const modulesItImports = ['collections', 'functools', 'json', 'pathlib', 'sys', 'torch'];

function moduleName(path: string): string {
  const name = basename(path, '.py');
  if (path.endsWith('.py') && /^[A-Za-z_]\w*$/.test(name) && !modulesItImports.includes(name)) return name;
  throw new InputError(
    `${path}: expected a name that Python can import, such as nasnet_a.py (letters, digits and _, none of ` +
      `${modulesItImports.join(', ')}), got ${basename(path)}`,
  );
}

/** The text of the Python file that is to be imported as `name`. */
export function pythonSource(name: string, network: Network, description: ModelDescription): string {
  const { plan } = network;
  const [height, width] = plan.input.map(String) as [string, string];
  const values: Record<string, string> = {
    name,
    summary: summary(network, description),
    tables: pythonTables(plan, description, referenceLogits(network, description).slice(0, shownLogits)),
    operations: pythonOperations(description.architecture.operations),
    ...pythonFraming(description.preprocessing),
    view: pythonView(description.preprocessing, plan.input),
    height,
    width,
  };
  const template = readFileSync(new URL('./network.py', import.meta.url), 'utf8');
  return template.replace(/\$([a-z]+)/g, (_, key: string) => values[key]!);
}

const whole = (value: number) => value.toLocaleString('en-US');

function summary({ plan }: Network, { origin }: ModelDescription): string {
  const [height, width] = plan.input;
  return [
    `A NASNet image classifier for PyTorch, written by nasnet ${nasnetVersion()}.`,
    '',
    `${height} × ${width} pixels in, ${whole(plan.classes)} classes out; ${whole(plan.trainableParameters)} parameters,`,
    `${whole(plan.multiplyAdds)} multiply-adds. Weights: ${origin.replace(/["\\]/g, "'")}.`,
  ].join('\n');
}

const shownLogits = 10;

/** Of the image that the file's check() makes: bytes of a fixed pattern, normalised. */
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

/** Beside the file, so that a rename moves what was checked into its place. */
function stagingFolder(path: string): Promise<string> {
  return mkdtemp(join(dirname(path), '.nasnet-export-')).catch((error: Error) => {
    throw new Failure(`${path}: the file could not be written (${error.message})`);
  });
}

function inPlace(from: string, to: string): Promise<void> {
  return rename(from, to).catch((error: Error) => {
    throw new Failure(`${to}: the file could not be written (${error.message})`);
  });
}
