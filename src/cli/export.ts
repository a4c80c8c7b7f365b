// `nasnet export MODEL -o FILE`: a network for the places where people run models. What a format is, is src/export's affair.

import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError } from '../failure.ts';
import type { ModelDescription } from '../model/model-description.ts';
import type { Network } from '../model/network.ts';
import { whole } from '../report/words.ts';
import type { ModelFlags } from '../space/model-name.ts';
import { onInterrupt } from './interrupt.ts';
import { LiveBlock } from './live-block.ts';
import { addModelFlags, modelHelp, type NamedNetwork, readNetwork } from './model-flags.ts';
import { wholeNumber } from './model-source.ts';

interface Flags extends ModelFlags {
  output: string;
  format?: Format;
  images?: string;
  verify: boolean;
  python?: string;
  seed?: number;
  json?: boolean;
}

/** What the commands' document says beside the model and its parameters. */
interface Exported {
  files: { path: string; bytes: number }[];
  /** Relative, of the logits; absent where the format has none to compare or nothing was compared. */
  largestDifference?: number | undefined;
  /** Sentences for people. */
  said: string[];
}

const formats = { onnx: '.onnx', pytorch: '.py', safetensors: '.safetensors', json: '.json' } as const;
type Format = keyof typeof formats;

const examples = `
The formats:
  onnx          for onnxruntime, TensorRT, OpenVINO, browsers …: batch norms folded, any batch size, classes and preprocessing inside
  pytorch       one Python file that needs torch only, and its weights beside it
  safetensors   the weights, with what nasnet needs to read them again
  json          architecture, sizes, every layer with its numbers; no weights

Examples:
  nasnet export runs/laptop/network.safetensors -o network.onnx
  nasnet export runs/laptop/network.safetensors -o network.onnx --images photos    also verified on your photos
  nasnet export mobile.safetensors -o nasnet_mobile.py
  nasnet export nasnet-a:6@768 -o nasnet_a.json`;

export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description('a network as ONNX, PyTorch, safetensors or JSON')
    .argument('<model>', `weights, FILE.safetensors; or ${modelHelp}, with initial weights`)
    .requiredOption('-o, --output <file>', 'the file to write')
    .addOption(new Option('--format <name>', "default: by the file's ending").choices(Object.keys(formats)))
    .option('--images <dir>', 'onnx: compare on these images too, as well as on random ones')
    .option('--no-verify', 'onnx, pytorch: do not compare the logits of the file with those of the network')
    .option('--python <program>', 'pytorch: what runs the file to compare it (default: python3, if it has torch)')
    .option('--seed <n>', 'of the weights where MODEL has none (default: 1)', wholeNumber('--seed'));
  addModelFlags(command).option('--json', 'one JSON document').addHelpText('after', examples).action(run);
}

async function run(model: string, flags: Flags): Promise<void> {
  const { output, format: named, images, verify, python, seed, json, ...modelFlags } = flags;
  const format = named ?? formatOf(output);
  refuseForeign(format, { images, python });
  const network = await readNetwork(model, modelFlags);
  if (network.description && seed !== undefined)
    throw new InputError(`--seed: expected no such flag beside ${model}, which holds its weights`);
  const block = new LiveBlock(process.stderr);
  const job = { model, network, output, images, verify, python, seed: seed ?? 1, block };
  const exported = await exporters[format](job);
  block.draw([]);
  const { said, ...document } = exported;
  const { plan } = network;
  process.stdout.write(
    json
      ? `${JSON.stringify({ model, format, ...document, trainableParameters: plan.trainableParameters }, null, 2)}\n`
      : `${[...document.files.map(({ path, bytes }) => `${path}: ${size(bytes)}`), ...said].join('\n')}\n`,
  );
}

function formatOf(output: string): Format {
  const ending = extname(output).toLowerCase();
  const found = Object.entries(formats).find(([, each]) => each === ending);
  if (found) return found[0] as Format;
  const endings = Object.values(formats).join(', ');
  throw new InputError(`--output: expected a file that ends in ${endings}, or --format, got ${output}`);
}

/** Flags that only other formats know. */
function refuseForeign(format: Format, { images, python }: Pick<Flags, 'images' | 'python'>): void {
  if (images !== undefined && format !== 'onnx')
    throw new InputError(`--images: expected --format onnx beside it, got ${format}`);
  if (python !== undefined && format !== 'pytorch')
    throw new InputError(`--python: expected --format pytorch beside it, got ${format}`);
}

interface Job extends Required<Pick<Flags, 'output' | 'verify' | 'seed'>> {
  model: string;
  network: NamedNetwork;
  images: string | undefined;
  python: string | undefined;
  block: LiveBlock;
}

/** What takes long to load (engine, runtimes) is loaded by the format that needs it. */
const exporters: Record<Format, (job: Job) => Promise<Exported>> = {
  async json({ network, output }) {
    const [{ networkDocument, printDocument }, { descriptionOf }, { writeWhole }, { planNetwork }] = await Promise.all([
      import('../export/json.ts'),
      import('./described-network.ts'),
      import('../whole-file.ts'),
      import('../space/plan.ts'),
    ]);
    const plan = planNetwork(network.architecture, network.options); // without the auxiliary head
    const description = descriptionOf(network, 'an architecture without weights');
    const bytes = writeWhole(output, [printDocument(networkDocument(plan, description))]);
    return { files: [{ path: output, bytes }], said: [] };
  },

  async safetensors(job) {
    const { writeModel } = await import('../model/model-file.ts');
    const { network, description } = await weighed(job);
    writeModel(job.output, network, description);
    return { files: [fileOf(job.output)], said: [] };
  },

  async pytorch(job) {
    const { writePyTorch } = await import('../export/pytorch/export-pytorch.ts');
    const { network, description } = await weighed(job);
    using interrupt = onInterrupt(() => job.block.log('Stopping; once more to stop at once.'));
    job.block.draw([job.verify ? '  writing, then comparing with PyTorch …' : '  writing …']);
    const { verify, python } = job;
    const result = await writePyTorch(job.output, network, description, { verify, python, signal: interrupt.signal });
    const { largestDifference, unverified, weights } = result;
    const said = unverified
      ? [
          `not compared: ${unverified}; python3 ${job.output} compares it where torch is (--python names another Python)`,
        ]
      : differenceSaid("PyTorch's", largestDifference, 1);
    return { files: [fileOf(job.output), fileOf(weights)], largestDifference, said };
  },

  async onnx(job) {
    const { exportOnnx } = await import('../export/onnx/export-onnx.ts');
    const { network, description } = await weighed(job);
    const verifyWith =
      job.images === undefined
        ? undefined
        : await (await import('./export-images.ts')).realImages(job.images, description, job.block);
    using interrupt = onInterrupt(() => job.block.log('Stopping; once more to stop at once.'));
    job.block.draw([job.verify ? '  writing, then comparing with onnxruntime …' : '  writing …']);
    const { verify } = job;
    const result = await exportOnnx(job.output, network, description, { verify, verifyWith, signal: interrupt.signal });
    const { bytes, nodes, largestDifference, images } = result;
    const said = [`${whole(nodes)} nodes, opset 17`, ...differenceSaid("onnxruntime's", largestDifference, images)];
    return { files: [{ path: job.output, bytes }], largestDifference, said };
  },
};

/** The network with its weights; says where there are none. */
async function weighed({
  model,
  network,
  seed,
  block,
}: Job): Promise<{ network: Network; description: ModelDescription }> {
  const { descriptionOf, networkOf } = await import('./described-network.ts');
  if (!network.description) block.log(`${model}: no weights; initial ones of seed ${seed} are exported`);
  const description = descriptionOf(network, `initial weights of seed ${seed}, never trained`);
  return { network: networkOf(model, network, seed), description };
}

const fileOf = (path: string) => ({ path, bytes: statSync(path).size });

function differenceSaid(whose: string, difference: number | undefined, images: number): string[] {
  if (difference === undefined) return ['not compared'];
  const of = images === 1 ? 'one image' : `${images} images`;
  return [`${whose} logits differ by ${difference.toExponential(1)} at most, relative to the largest, on ${of}`];
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
