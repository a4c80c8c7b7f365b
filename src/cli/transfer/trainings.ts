// Runs the trainings of a transfer one after the other. Those that ended before, with the same command and weights that
// are still theirs, are not repeated.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { hashOfFile } from '../../file-hash.ts';
import { makeFolder, writeWhole } from '../../whole-file.ts';
import { percent } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';
import { registerTrain } from '../train.ts';
import { trainingFiles } from '../training/training-files.ts';
import { commandLine, type Step } from './steps.ts';

/** The figures of a training in its record. */
const record = z.looseObject({
  weightsHash: z.string(),
  validationAccuracy: z.number(),
  trainingSeconds: z.number(),
  test: z.looseObject({ accuracy: z.number(), topFiveAccuracy: z.number(), images: z.number() }),
});

export interface Trained {
  weights: string;
  epochs: number;
  validationAccuracy: number;
  testAccuracy: number;
  topFiveAccuracy: number;
  testImages: number;
  trainingSeconds: number;
}

/** The words of each training that has ended, by its name. */
const endedSchema = z.record(z.string(), z.array(z.string()));

export class Trainings {
  readonly #folder: string;
  readonly #block: LiveBlock;
  readonly #overwrite: boolean;

  constructor(folder: string, block: LiveBlock, overwrite: boolean) {
    this.#folder = folder;
    this.#block = block;
    this.#overwrite = overwrite;
  }

  /** The file that says which trainings have ended. */
  static stateFile(folder: string): string {
    return join(folder, 'trainings.json');
  }

  /** Trains, unless it was done before. @throws what `nasnet train` throws; Interruption if it is stopped */
  async run(step: Step): Promise<Trained> {
    const { name, words, weights } = step;
    let found = this.#trainedBefore(step);
    if (found) this.#block.log(`${name}: trained before, ${weights}`);
    else {
      this.#block.log(`${name}: ${commandLine(step)}`);
      await train([...words, ...(this.#overwrite ? ['--overwrite'] : [])]);
      makeFolder(this.#folder);
      const ended = { ...this.#ended(), [name]: words };
      writeWhole(Trainings.stateFile(this.#folder), [`${JSON.stringify(ended, null, 1)}\n`]);
      found = trainedOf(step, readRecord(step));
    }
    this.#block.log(`${name}: validation accuracy ${percent(found.validationAccuracy, 2)}`);
    return found;
  }

  /** Returns a training by the same command, if its weights are still those that it wrote. */
  #trainedBefore(step: Step): Trained | undefined {
    const { name, words, weights } = step;
    if (JSON.stringify(this.#ended()[name]) !== JSON.stringify(words)) return undefined;
    if (!existsSync(weights) || !existsSync(trainingFiles(weights).record)) return undefined;
    const found = readRecord(step);
    return found.weightsHash === hashOfFile(weights) ? trainedOf(step, found) : undefined;
  }

  #ended(): z.infer<typeof endedSchema> {
    try {
      return endedSchema.parse(JSON.parse(readFileSync(Trainings.stateFile(this.#folder), 'utf8')));
    } catch {
      return {}; // missing or damaged: trained again
    }
  }
}

/** Runs `nasnet train` in this process, without what it prints at its end. */
async function train(words: string[]): Promise<void> {
  const program = new Command('nasnet').exitOverride();
  registerTrain(program, words, () => {});
  await program.parseAsync(words, { from: 'user' });
}

const readRecord = ({ weights }: Step): z.infer<typeof record> =>
  record.parse(JSON.parse(readFileSync(trainingFiles(weights).record, 'utf8')));

function trainedOf(
  { weights, words }: Step,
  { validationAccuracy, trainingSeconds, test }: z.infer<typeof record>,
): Trained {
  return {
    weights,
    epochs: Number(words[words.indexOf('--epochs') + 1]),
    validationAccuracy,
    testAccuracy: test.accuracy,
    topFiveAccuracy: test.topFiveAccuracy,
    testImages: test.images,
    trainingSeconds,
  };
}
