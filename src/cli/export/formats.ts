// The formats of `nasnet export`, implemented by src/export. The engine and runtimes are loaded only by formats that
// need them.

import { readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelDescription } from '../../model/model-description.ts';
import type { Network } from '../../model/network.ts';
import { planNetwork } from '../../plan/plan.ts';
import { whole } from '../../words.ts';
import type { NamedNetwork } from '../flags/model-flags.ts';
import { onInterrupt } from '../terminal/interrupt.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import type { Int8Export } from './int8.ts';
import type { Int8Settings } from './int8-flags.ts';

export interface ExportJob {
  model: string;
  network: NamedNetwork;
  output: string;
  /** Folder of images to compare with. */
  images: string | undefined;
  verify: boolean;
  python: string | undefined;
  seed: number;
  /** Write 8 bits instead of float32. */
  int8: Int8Settings | undefined;
  block: LiveBlock;
}

export interface Exported {
  files: { path: string; bytes: number }[];
  /** Largest relative difference of the logits; absent if nothing was compared. */
  largestDifference?: number | undefined;
  /** The cost and gain of 8 bits. */
  int8?: Pick<Int8Export, 'float32Bytes' | 'record' | 'speed'>;
  /** Sentences for the user. */
  remarks: string[];
}

interface Format {
  /** The file name ending of the format. */
  ending: string;
  /** The optional flags that the format takes. */
  takes: readonly ('images' | 'verify' | 'python' | 'int8')[];
  write: (job: ExportJob) => Promise<Exported>;
}

export const formats = {
  onnx: { ending: '.onnx', takes: ['images', 'verify', 'int8'], write: onnx },
  pytorch: { ending: '.py', takes: ['verify', 'python'], write: pytorch },
  html: { ending: '.html', takes: ['images', 'verify', 'int8'], write: html },
  safetensors: { ending: '.safetensors', takes: [], write: safetensors },
  json: { ending: '.json', takes: [], write: json },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

/** Returns the files that an export writes. */
export function writtenBy(format: FormatName, output: string): string[] {
  return format === 'pytorch' ? [output, output.replace(/\.py$/, '.safetensors')] : [output];
}

async function json({ network, output }: ExportJob): Promise<Exported> {
  const { networkDocument, printDocument } = await import('../../export/json.ts');
  const { descriptionOf } = await import('../flags/described-network.ts');
  const { writeWhole } = await import('../../whole-file.ts');
  const plan = planNetwork(network.architecture, network.options); // has no auxiliary head
  const description = descriptionOf(network, 'an architecture without weights');
  const bytes = writeWhole(output, [printDocument(networkDocument(plan, description))]);
  return { files: [{ path: output, bytes }], remarks: [] };
}

async function safetensors(job: ExportJob): Promise<Exported> {
  const { writeModel } = await import('../../model/model-file.ts');
  const { network, description } = await withWeights(job);
  writeModel(job.output, network, description);
  return { files: [{ path: job.output, bytes: statSync(job.output).size }], remarks: [] };
}

async function pytorch(job: ExportJob): Promise<Exported> {
  const { writePyTorch } = await import('../../export/pytorch/export-pytorch.ts');
  const { network, description } = await withWeights(job);
  using interrupt = stoppable(job, 'PyTorch');
  const { output, verify, python } = job;
  const result = await writePyTorch(output, network, description, { verify, python, signal: interrupt.signal });
  const { bytes, weights, weightsBytes, largestDifference, unverified } = result;
  const files = [
    { path: output, bytes },
    { path: weights, bytes: weightsBytes },
  ];
  const remarks = unverified
    ? [`not compared: ${unverified}; run the file with torch, or name a Python that has it with --python`]
    : differenceWords("PyTorch's", largestDifference, 1);
  return { files, largestDifference, remarks };
}

async function onnx(job: ExportJob): Promise<Exported> {
  const { bytes, nodes, words, ...measured } = await writeOnnx(job, job.output);
  return {
    files: [{ path: job.output, bytes }],
    ...measured,
    remarks: [`${whole(nodes)} nodes, opset 17`, ...words],
  };
}

async function html(job: ExportJob): Promise<Exported> {
  const { writeHtml } = await import('../../export/html/export-html.ts');
  const { examplePictures } = await import('./images.ts');
  const { temporaryFolder } = await import('../../whole-file.ts');
  const folder = temporaryFolder(tmpdir());
  try {
    const model = join(folder, 'network.onnx');
    const { bytes: _, nodes: _nodes, words, ...measured } = await writeOnnx(job, model);
    const pictures = job.images === undefined ? [] : await examplePictures(job.images);
    const bytes = writeHtml(job.output, readFileSync(model), pictures);
    return {
      files: [{ path: job.output, bytes }],
      ...measured,
      remarks: [...words, 'open it in a browser, it needs no server'],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface WrittenOnnx extends Pick<Exported, 'largestDifference' | 'int8'> {
  bytes: number;
  nodes: number;
  /** The comparisons and measurements, a sentence a line. */
  words: string[];
}

async function writeOnnx(job: ExportJob, path: string): Promise<WrittenOnnx> {
  const { network, description } = await withWeights(job);
  const { output, images, verify, block } = job;
  const { realImages } = await import('./images.ts');
  const verifyWith = images === undefined ? undefined : await realImages(images, description, block);
  using interrupt = stoppable(job, 'onnxruntime');
  const { signal } = interrupt;
  if (job.int8) {
    const { int8Words, writeInt8 } = await import('./int8.ts');
    const { model, seed } = job;
    const own = { model, output, network, description, verify, verifyWith, seed, block, signal, ...job.int8 };
    const exported = await writeInt8(path, own);
    const { bytes, nodes, float32Bytes, verification, record, speed } = exported;
    const { largestDifference } = verification;
    const words = [
      ...differenceWords("onnxruntime's float32", largestDifference, verification.images),
      ...int8Words(exported),
    ];
    return { bytes, nodes, largestDifference, int8: { float32Bytes, record, speed }, words };
  }
  const { exportOnnx } = await import('../../export/onnx/export-onnx.ts');
  const result = await exportOnnx(path, network, description, { verify, verifyWith, signal });
  const { bytes, nodes, largestDifference } = result;
  return { bytes, nodes, largestDifference, words: differenceWords("onnxruntime's", largestDifference, result.images) };
}

/** Shows the current step, and lets Ctrl-C stop it. */
function stoppable({ block, verify }: ExportJob, runtime: string) {
  block.draw([verify ? `  writing, then comparing with ${runtime} …` : '  writing …']);
  return onInterrupt(() => block.log('Stopping; repeat to stop immediately.'), 'nothing was exported');
}

/** Returns the network with its weights, or initial ones with a message. */
async function withWeights(job: ExportJob): Promise<{ network: Network; description: ModelDescription }> {
  const { descriptionOf, networkOf } = await import('../flags/described-network.ts');
  const { model, network, seed, block } = job;
  if (!network.description) block.log(`${model}: no weights; initial ones of seed ${seed} are exported`);
  const description = descriptionOf(network, `initial weights of seed ${seed}, never trained`);
  return { network: networkOf(model, network, seed), description };
}

function differenceWords(whose: string, difference: number | undefined, images: number): string[] {
  if (difference === undefined) return ['not compared'];
  const of = images === 1 ? 'one image' : `${images} images`;
  return [`${whose} logits differ by at most ${difference.toExponential(1)}, relative to the largest, on ${of}`];
}
