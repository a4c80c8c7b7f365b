// The output of `nasnet profile` for one network: a row for each part, totals, and the predicted cost of training.

import { lawValue, memoryTerms, startingLaws, trainingTerms } from '../../forecast/cost-law.ts';
import { countElements } from '../../plan/layer-cost.ts';
import type { Plan } from '../../plan/plan.ts';
import { whole } from '../../words.ts';
import { alignColumns } from '../terminal/columns.ts';

/** Returns the document of `profile --json`. */
export function profile(plan: Plan) {
  const { trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters, endpoints } = plan;
  return {
    ...{ trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters },
    training: trainingOf(plan),
    endpoints,
  };
}

/**
 * The amount of the predicted training: a child's batch size (train/recipe.ts), and enough steps that constants do not
 * matter.
 */
const training = { batch: 64, steps: 10_000, evaluated: 0 };

/**
 * Predicts the training of one worker with one thread by the default laws, that is on the machine where they were
 * measured. An auxiliary head is included.
 */
function trainingOf(plan: Plan) {
  const { batch, steps } = training;
  return {
    batch,
    memoryBytes: Math.round(lawValue(startingLaws.memory, memoryTerms(plan, batch))),
    millisecondsPerImage: (1000 * lawValue(startingLaws.seconds, trainingTerms(plan, training))) / (steps * batch),
  };
}

/** Formats a plan. @param auxiliary why there is no auxiliary head, if there is none */
export function profileTable(plan: Plan, auxiliary: string): string {
  const { batch, memoryBytes, millisecondsPerImage } = trainingOf(plan);
  const rows = plan.sections.map(({ name, shape, parameters, multiplyAdds }) => [
    name,
    shape.join(' × '),
    whole(countElements(parameters, { statistics: false })),
    whole(multiplyAdds),
  ]);
  const totals = [
    `${whole(plan.trainableParameters)} trainable parameters, ${whole(plan.totalParameters)} with moving statistics`,
    plan.auxiliary
      ? `${whole(plan.auxiliaryParameters)} parameters in the auxiliary head, which only training uses`
      : `no auxiliary head: ${auxiliary}`,
    `${whole(plan.multiplyAdds)} multiply-adds for one image`,
    `training, batch ${batch}, one thread: about ${(memoryBytes / 1e9).toFixed(1)} GB of memory and ${Number(millisecondsPerImage.toPrecision(2))} ms an image, on the machine where the search's laws were measured`,
  ];
  const table = alignColumns([['', 'output', 'parameters', 'multiply-adds'], ...rows], 'llr');
  return `${[...table, '', ...totals].join('\n')}\n`;
}
