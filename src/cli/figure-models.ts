// `--model` of `nasnet report --figure 5`: a network of the user and its accuracy, from the output of `nasnet evaluate
// --json`, or from a weights file and a number.

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../failure.ts';
import { planOf, readModelDescription } from '../model/model-file.ts';
import { readNamedText } from '../named-file.ts';
import type { OwnModel } from '../report/figures/cost.ts';

interface Measured {
  /** The file of weights. */
  weights: string;
  top1: number;
  top5?: number | undefined;
  source: string;
}

const share = z.number().min(0).max(1);

/** The required part of evaluate's document (evaluation-words.ts). */
const evaluation = z.looseObject({
  model: z.string(),
  data: z.string(),
  images: z.int().positive(),
  accuracy: share,
  topFiveAccuracy: share,
});

const imagenetClasses = [1000, 1001]; // with 'background', as released

/**
 * Reads the models, with remarks on those whose accuracy is not comparable.
 * @throws InputError if a text is not an evaluation, an accuracy or a network of nasnet
 */
export function readOwnModels(texts: readonly string[]): { models: OwnModel[]; remarks: string[] } {
  const remarks: string[] = [];
  const measured = texts.map((text) => (/\.safetensors(=|$)/i.test(text) ? fromNumber(text) : fromEvaluation(text)));
  const names = measured.map(({ weights }) => basename(weights).replace(/\.safetensors$/i, ''));
  const models = measured.map(({ weights, ...accuracy }, index) => {
    const { input, classes, trainableParameters, multiplyAdds } = planOf(readModelDescription(weights));
    if (!imagenetClasses.includes(classes))
      remarks.push(`${weights} has ${classes} classes, not ImageNet's: its accuracy is not comparable with the others`);
    const [height, width] = input;
    const shared = names.filter((name) => name === names[index]).length > 1;
    return {
      name: shared ? weights : names[index]!,
      input: height === width ? `${height}` : `${height}x${width}`,
      parameters: trainableParameters,
      multiplyAdds,
      ...accuracy,
    };
  });
  return { models, remarks };
}

/** WEIGHTS.safetensors=0.741 */
function fromNumber(text: string): Measured {
  const [, weights, number] = /^(.*\.safetensors)=(.*)$/i.exec(text) ?? [];
  const top1 = Number(number);
  if (number === undefined || number.trim() === '' || !(top1 >= 0 && top1 <= 1)) {
    throw new InputError(
      `--model: expected WEIGHTS.safetensors=ACCURACY with an accuracy from 0 to 1, or evaluate's JSON, got ${JSON.stringify(text)}`,
    );
  }
  return { weights: weights!, top1, source: 'stated by the user' };
}

function fromEvaluation(path: string): Measured {
  const parsed = evaluation.safeParse(readJson(path));
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    const place = at.length === 0 ? '' : `${at.join('.')}: `;
    throw new InputError(`${path}: expected what \`nasnet evaluate --json\` printed, got ${place}${message}`);
  }
  const { model, data, images, accuracy, topFiveAccuracy } = parsed.data;
  const neighbour = join(dirname(path), basename(model)); // if both files were moved together
  return {
    weights: existsSync(model) || !existsSync(neighbour) ? model : neighbour,
    top1: accuracy,
    top5: topFiveAccuracy,
    source: `${images} images of ${data}`,
  };
}

function readJson(path: string): unknown {
  const text = readNamedText(path, "evaluate's JSON");
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`${path}: expected what \`nasnet evaluate --json\` printed, got no JSON`);
  }
}
