// `--model` of `nasnet report --figure 5`: a network of the user's and its accuracy, from what `nasnet evaluate --json` printed,
// or from a file of weights and a number.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../failure.ts';
import { planOf, readModelDescription } from '../model/model-file.ts';
import type { OwnModel } from '../report/figure-5.ts';

interface Measured {
  /** The file of weights. */
  weights: string;
  top1: number;
  top5?: number | undefined;
  source: string;
}

const share = z.number().min(0).max(1);

/** What we need of evaluate's document. */
const evaluation = z
  .looseObject({ model: z.string(), accuracy: share.optional(), top1: share.optional(), top5: share.optional() })
  .refine(({ accuracy, top1 }) => accuracy !== undefined || top1 !== undefined, 'expected top1 or accuracy');

/** @throws InputError in one sentence for what is no evaluation, no accuracy or no network of ours */
export function readOwnModels(texts: readonly string[]): OwnModel[] {
  const measured = texts.map((text) => (/\.safetensors(=|$)/i.test(text) ? fromNumber(text) : fromEvaluation(text)));
  const names = measured.map(({ weights }) => basename(weights).replace(/\.safetensors$/i, ''));
  return measured.map(({ weights, ...accuracy }, index) => {
    const { input, trainableParameters, multiplyAdds } = planOf(readModelDescription(weights));
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
  return { weights: weights!, top1, source: 'as given' };
}

function fromEvaluation(path: string): Measured {
  const parsed = evaluation.safeParse(readJson(path));
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    const place = at.length === 0 ? '' : `${at.join('.')}: `;
    throw new InputError(`${path}: expected what \`nasnet evaluate --json\` printed, got ${place}${message}`);
  }
  const { model, accuracy, top1 = accuracy!, top5 } = parsed.data;
  const beside = join(dirname(path), basename(model)); // where both files were moved together
  return { weights: existsSync(model) || !existsSync(beside) ? model : beside, top1, top5, source: basename(path) };
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${path}: expected evaluate's JSON, got ${code === 'ENOENT' ? 'no such file' : message}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`${path}: expected what \`nasnet evaluate --json\` printed, got no JSON`);
  }
}
