// `nasnet profile MODEL`: what a network costs, cell by cell. Plain arithmetic: no engine is loaded.

import type { Command } from 'commander';
import { countElements } from '../space/layer-cost.ts';
import { type ModelFlags, modelOptions, parseModelName } from '../space/model-name.ts';
import { type Plan, planNetwork } from '../space/plan.ts';
import { auxiliaryFits } from '../space/plan-auxiliary.ts';
import { imageSize, readArchitecture, wholeNumber } from './model-source.ts';

export function registerProfile(program: Command): void {
  program
    .command('profile')
    .description('shapes, parameters and multiply-adds of a network')
    .argument('<model>', 'SOURCE:N@P, such as nasnet-a:6@768, FILE.json:2@384, STUDY.db#TRIAL:2@768')
    .option('--layout <name>', 'cifar (default: by P)')
    .option('--input <pixels>', 'side of the image, or HEIGHTxWIDTH (default: 32)', imageSize)
    .option('--classes <n>', 'number of classes (default: 10)', wholeNumber('--classes'))
    .option('--filters <f>', 'F, filters of the first cells, in place of @P', wholeNumber('--filters'))
    .option('--json', 'one JSON document')
    .action(async (text: string, flags: ModelFlags & { json?: boolean }) => {
      const model = parseModelName(text);
      const architecture = await readArchitecture(model.source);
      const options = modelOptions(model, architecture, flags);
      const plan = planNetwork(architecture, { ...options, auxiliary: auxiliaryFits(options.input!) });
      process.stdout.write(flags.json ? `${JSON.stringify(profile(plan), null, 2)}\n` : profileTable(plan));
    });
}

/** The document of `profile --json`. */
export function profile(plan: Plan) {
  const { trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters, endpoints } = plan;
  return { trainableParameters, totalParameters, multiplyAdds, auxiliaryParameters, endpoints };
}

const whole = (value: number) => value.toLocaleString('en-US');

/** A row for each part of the network, then the totals. */
export function profileTable(plan: Plan): string {
  const rows = plan.sections.map(({ name, shape, parameters, multiplyAdds }) => [
    name,
    shape.join(' × '),
    whole(countElements(parameters, { statistics: false })),
    whole(multiplyAdds),
  ]);
  const table = [['', 'output', 'parameters', 'multiply-adds'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row.map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join('   '),
  );
  const auxiliary = plan.auxiliary
    ? `${whole(plan.auxiliaryParameters)} parameters in the auxiliary head, which only training uses`
    : 'no auxiliary head: the image is too small for one';
  const totals = [
    `${whole(plan.trainableParameters)} trainable parameters, ${whole(plan.totalParameters)} with moving statistics`,
    auxiliary,
    `${whole(plan.multiplyAdds)} multiply-adds for one image`,
  ];
  return `${[...lines, '', ...totals].join('\n')}\n`;
}
