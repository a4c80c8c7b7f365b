// `nasnet import FILE`: imports published NASNet-A weights as a model file.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Imported, importWeights } from '../import/import-weights.ts';
import { type SourceName, sources } from '../import/sources.ts';
import { writeModel } from '../model/model-file.ts';
import type { Preprocessing } from '../model/preprocessing.ts';
import { overwriteHelp, ResultFiles } from '../result-files.ts';
import { percent, whole } from '../words.ts';
import { weightsFile, wholeNumber } from './flags/parsers.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface ImportFlags {
  output: string;
  from?: SourceName;
  classes?: number;
  overwrite?: boolean;
  json?: boolean;
}

export function registerImport(program: Command): void {
  program
    .command('import')
    .description('published NASNet-A weights (Keras, timm, Cadene) as a model file')
    .argument('<file>', 'a Keras .h5, or a PyTorch .pth, .pt or .safetensors; recognised by its content, not its name')
    .requiredOption(
      '-o, --output <file>',
      'the model file to write, such as mobile.safetensors',
      weightsFile('--output'),
    )
    .addOption(
      new Option('--from <source>', 'source of the file (default: recognised by the names of its tensors)').choices(
        Object.keys(sources),
      ),
    )
    .option('--classes <number>', 'start a new classifier with this many classes', wholeNumber('--classes', 'classes'))
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
The mobile (4 @ 1056) and large (6 @ 4032) models are read. Every tensor must be present, with its name and shape.
The preprocessing of the source is stored with the weights. Code in a .pth file is never run.

Examples:
  nasnet import nasnet_mobile.h5 -o mobile.safetensors
  nasnet import nasnetalarge.pth --from cadene -o large.safetensors
  nasnet import nasnet_mobile_no_top.h5 --classes 5 -o flowers.safetensors`,
    )
    .action(async (path: string, { output, from, classes, overwrite, json }: ImportFlags) => {
      const results = new ResultFiles({ of: `import ${resolve(path)}`, inputs: [path], overwrite });
      results.claim(output);
      const block = new LiveBlock(process.stderr);
      const imported = await importWeights(path, { from, classes }, (share) => {
        block.draw([`  read ${percent(share, 0)}`]);
      });
      block.draw([]);
      for (const remark of remarks(imported, from)) block.log(`${path}: ${remark}`);
      writeModel(output, imported.network, imported.description);
      results.keep();
      if (json) printDocument(document(path, output, imported));
      else printWords(words(output, imported));
    });
}

/** Yields remarks on unexpected properties. */
function* remarks({ match, others }: Imported, from: SourceName | undefined): Iterable<string> {
  const { source, plan, classifier, unused } = match;
  if (!classifier) yield `a new classifier of ${whole(plan.classes)} classes has random weights; train it before use`;
  if (source === 'timm' && !from) {
    yield "images are preprocessed as in timm; Cadene's file has the same names, and --from cadene preprocesses them as Cadene does";
  }
  if (unused.length > 0) yield `${whole(unused.length)} tensors are not needed (${unused[0]} …)`;
  if (others.length > 0) yield `not read: ${others.join(', ')}`;
}

function document(input: string, output: string, { match, description, others }: Imported) {
  return {
    input,
    output,
    source: match.source,
    model: `nasnet-a:${match.model}`,
    tensors: match.pairs.length,
    totalParameters: match.plan.totalParameters,
    classes: match.plan.classes,
    classifier: match.classifier ? 'imported' : 'new',
    notTaken: match.unused,
    besides: others,
    preprocessing: description.preprocessing,
    origin: description.origin,
  };
}

function words(output: string, { match, description }: Imported): string {
  const { model, plan, pairs } = match;
  const numbers = `${whole(plan.totalParameters)} numbers, ${whole(pairs.length)} tensors read, ${whole(plan.classes)} classes`;
  return [
    `${output}: NASNet-A ${model} (${numbers}), ${description.origin}`,
    `images: ${preparation(description.preprocessing)}, ${plan.input[0]} × ${plan.input[1]}, scaled to [-1, 1]`,
    '',
  ].join('\n');
}

function preparation({ centralFraction, aspect, interpolation }: Preprocessing): string {
  const part = centralFraction === 1 ? 'the whole image' : `the central ${centralFraction} of the image`;
  return `${part}, ${aspect === 'stretch' ? 'stretched' : 'with its aspect ratio'}, ${interpolation}`;
}
