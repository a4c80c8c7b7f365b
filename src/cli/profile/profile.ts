// `nasnet profile MODEL`: computes the cost of a network cell by cell, without the engine. With `--measure` it also
// measures inference.

import type { Command } from 'commander';
import { InputError } from '../../failure.ts';
import type { ModelFlags } from '../../plan/model-name.ts';
import { addModelFlags, modelHelp, readNetwork, typedFlags } from '../flags/model-flags.ts';
import { positiveNumber, wholeNumber } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { familyDocument, familyTable } from './family-table.ts';
import type { MeasureFlags } from './latency-table.ts';
import { profile, profileTable } from './network-table.ts';

interface Flags extends ModelFlags, MeasureFlags {
  family?: boolean;
  measure?: boolean;
  json?: boolean;
}

const examples = `
Examples:
  nasnet profile nasnet-a:mobile                        the released mobile network, part by part
  nasnet profile nasnet-a:6@768 --json                  NASNet-A (6 @ 768), CIFAR-10's
  nasnet profile cell.json:4@1056 --input 192           your own cell on ImageNet, at another size
  nasnet profile --family                               every published NASNet compared with the released graph
  nasnet profile nasnet-a:mobile --measure              milliseconds of 1 and 32 images on this machine
  nasnet profile network.safetensors --measure --batch 1,8 --threads 1`;

export function registerProfile(program: Command): void {
  const command = program
    .command('profile')
    .description('shapes, parameters and multiply-adds of a network, and how long it takes here')
    .argument('[model]', `${modelHelp}; or weights, FILE.safetensors`);
  addModelFlags(command)
    .option('--family', 'the published networks compared with the released graph, instead of MODEL')
    .option('--measure', 'time inference on this machine')
    .option('--batch <n,n>', 'with --measure: images at once (default: 1,32)', listOf(wholeNumber('--batch', 'batch')))
    .option('--runtime <names>', 'with --measure: nasnet, onnxruntime (default: both)', listOf(String))
    .option('--device <names>', 'with --measure: cpu, cuda:0 … (default: the CPU and the first GPU)', listOf(String))
    .option(
      '--threads <n>',
      'with --measure: threads on the CPU (default: all cores)',
      wholeNumber('--threads', 'threads'),
    )
    .option('--seconds <x>', 'with --measure: maximum for one row (default: 15)', positiveNumber('--seconds'))
    .option('--seed <n>', 'with --measure: seed of the weights if MODEL has none (default: 1)', wholeNumber('--seed'))
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(run);
}

async function run(model: string | undefined, { json, ...flags }: Flags): Promise<void> {
  const { document, text } = flags.family ? describeFamily(model, flags) : await describeModel(model, flags);
  if (json) printDocument(document);
  else printWords(text());
}

interface Described {
  /** The document of --json. */
  document: object;
  text: () => string;
}

function describeFamily(model: string | undefined, { family: _, ...others }: Flags): Described {
  const [other = model] = typedFlags(others);
  if (other !== undefined) throw new InputError(`--family: expected nothing but --json with it, got ${other}`);
  return { document: familyDocument(), text: familyTable };
}

async function describeModel(model: string | undefined, flags: Flags): Promise<Described> {
  if (model === undefined) throw new InputError('profile: expected a MODEL such as nasnet-a:mobile, or --family');
  const { measure, batch, runtime, device, threads, seconds, seed, ...modelFlags } = flags;
  const measureFlags = { batch, runtime, device, threads, seconds, seed };
  const [needless] = measure ? [] : typedFlags(measureFlags);
  if (needless) throw new InputError(`${needless}: expected --measure with it`);
  const network = await readNetwork(model, modelFlags);
  if (network.description && seed !== undefined)
    throw new InputError(`--seed: expected no such flag with ${model}, which has weights`);
  if (measure) {
    const { latencyTable, measureNetwork } = await import('./latency-table.ts'); // loads the engine
    const latency = await measureNetwork(model, network, measureFlags);
    const document = { ...profile(network.plan), ...latency };
    return { document, text: () => latencyTable(model, network.plan, latency) };
  }
  if (!network.description) {
    const noAuxiliary = 'the image is too small for one';
    return { document: profile(network.plan), text: () => profileTable(network.plan, noAuxiliary) };
  }
  const { checksumOf } = await import('../../model/model-file.ts'); // loads the engine
  const checksum = checksumOf(model);
  const table = () => profileTable(network.plan, 'the file has none, since only training uses it');
  return { document: { ...profile(network.plan), checksum }, text: () => `${table()}${checksumWords[checksum]}\n` };
}

const checksumWords = {
  verified: 'the file is complete: its bytes match its checksum',
  unverified: 'the file has no checksum, so damage cannot be detected',
};

/** Parses values separated by commas. */
function listOf<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').map((part) => parse(part.trim()));
}
