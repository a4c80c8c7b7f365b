// What `nasnet profile` prints of one network: a row for each part, then the totals.

import { countElements } from '../space/layer-cost.ts';
import type { Plan } from '../space/plan.ts';
import { alignColumns } from './columns.ts';

/** The document of `profile --json`. */
export function profile(plan: Plan) {
  const { trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters, endpoints } = plan;
  return { trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters, endpoints };
}

export const whole = (value: number) => value.toLocaleString('en-US');

/** @param auxiliary why there is no auxiliary head, where there is none */
export function profileTable(plan: Plan, auxiliary: string): string {
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
  ];
  const table = alignColumns([['', 'output', 'parameters', 'multiply-adds'], ...rows], 'llr');
  return `${[...table, '', ...totals].join('\n')}\n`;
}
