// `nasnet export MODEL -o FILE`: exports a network to other formats.

import { extname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError } from '../../failure.ts';
import { type ModelFlags, parseModelName, parseTrial } from '../../plan/model-name.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { addModelFlags, modelHelp, readNetwork } from '../flags/model-flags.ts';
import { wholeNumber } from '../flags/parsers.ts';
import { enlargeHelp, enlargement, shownEnlarged } from '../flags/test-view-flag.ts';
import { type UserFlags, userFlagsOf } from '../flags/user-flags.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { type FormatName, formats, writtenBy } from './formats.ts';
import { addInt8Flags, type Int8Flags, takeInt8Flags } from './int8-flags.ts';
import { sizeWords } from './size-words.ts';

interface Flags extends ModelFlags, Int8Flags {
  output: string;
  format?: FormatName;
  images?: string;
  verify: boolean;
  python?: string;
  seed?: number;
  enlarge?: number;
  overwrite?: boolean;
  json?: boolean;
}

const examples = `
The formats:
  onnx          for onnxruntime, TensorRT, OpenVINO …: batch norms folded, any batch size, with classes and preprocessing
  pytorch       one Python file that only needs torch, and its weights next to it
  html          one page that classifies pictures in a browser, offline, with network and runtime
  safetensors   the weights, with what nasnet needs to read them again
  json          architecture, sizes, every layer with its counts; no weights

Examples:
  nasnet export runs/laptop/network.safetensors -o network.onnx
  nasnet export runs/laptop/network.safetensors -o network.onnx --images photos    compared on your photos too
  nasnet export runs/laptop/network.safetensors -o page.html --images photos       with a few of them to try
  nasnet export runs/laptop/network.safetensors -o network-int8.onnx --int8
  nasnet export runs/photos/network.safetensors -o page.html --int8 --calibrate photos
  nasnet export mobile.safetensors -o nasnet_mobile.py
  nasnet export nasnet-a:6@768 -o nasnet_a.json`;

export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description('a network as ONNX, PyTorch, a page for the browser, safetensors or JSON')
    .argument('<model>', `weights, FILE.safetensors; or ${modelHelp}, with initial weights`)
    .requiredOption('-o, --output <file>', 'the file to write')
    .addOption(new Option('--format <name>', "default: by the file's ending").choices(Object.keys(formats)))
    .option('--images <dir>', 'onnx, html: compare on 16 of these images too; the page offers six of them')
    .option('--no-verify', 'onnx, html, pytorch: do not compare the logits with those of the network')
    .option(
      '--python <program>',
      'pytorch: the Python that runs the file to compare it (default: python3, if it has torch)',
    )
    .option('--enlarge <factor>', enlargeHelp, enlargement)
    .option(
      '--seed <n>',
      'seed of the weights if MODEL has none, and of the images chosen for --int8 (default: 1)',
      wholeNumber('--seed'),
    );
  addInt8Flags(command);
  addModelFlags(command)
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((model: string, flags: Flags) => run(model, flags, userFlagsOf(command)));
}

async function run(model: string, flags: Flags, userFlags: UserFlags): Promise<void> {
  const { int8, others } = takeInt8Flags(flags, userFlags);
  const { output, format: named, images, verify, python, seed = 1, enlarge, overwrite, json, ...modelFlags } = others;
  const format = named ?? formatOf(output);
  refuseForeign(format, userFlags);
  const found = await readNetwork(model, modelFlags);
  if (enlarge !== undefined && !found.description)
    throw new InputError(`--enlarge: expected a file of weights with it, got ${model}`);
  const network = found.description ? { ...found, description: shownEnlarged(found.description, enlarge) } : found;
  if (network.description && userFlags.has('seed') && !int8)
    throw new InputError(`--seed: expected no such flag with ${model}, which has weights`);
  const block = new LiveBlock(process.stderr);
  const inputs = inputsOf(model);
  const results = new ResultFiles({ of: `export ${resolve(model)} --format ${format}`, inputs, overwrite });
  results.claim(...writtenBy(format, output));
  const exported = await formats[format].write({ model, network, output, images, verify, python, seed, int8, block });
  results.keep();
  block.draw([]);
  const { remarks, ...document } = exported;
  const { trainableParameters } = network.plan;
  if (json) printDocument({ model, format, trainableParameters, ...document });
  else
    printWords(
      `${[...document.files.map(({ path, bytes }) => `${path}: ${sizeWords(bytes)}`), ...remarks].join('\n')}\n`,
    );
}

/** Returns the files that a MODEL string reads. */
function inputsOf(model: string): string[] {
  if (/\.safetensors$/i.test(model)) return [model];
  const source = parseTrial(model) ?? parseModelName(model).source;
  return 'path' in source ? [source.path] : [];
}

function formatOf(output: string): FormatName {
  const ending = extname(output).toLowerCase();
  const found = Object.entries(formats).find(([, format]) => format.ending === ending);
  if (found) return found[0] as FormatName;
  const endings = Object.values(formats).map((format) => format.ending);
  throw new InputError(`--output: expected a file that ends in ${endings.join(', ')}, or --format, got ${output}`);
}

/** Refuses flags that only other formats have. */
function refuseForeign(name: FormatName, userFlags: UserFlags): void {
  const takes: readonly string[] = formats[name].takes;
  for (const flag of ['images', 'verify', 'python', 'int8'] as const) {
    if (!userFlags.has(flag) || takes.includes(flag)) continue;
    const knowing = Object.entries(formats).filter(([, format]) => (format.takes as readonly string[]).includes(flag));
    const typed = flag === 'verify' ? '--no-verify' : `--${flag}`;
    throw new InputError(`${typed}: expected the format ${knowing.map(([each]) => each).join(' or ')}, got ${name}`);
  }
}
