// `nasnet detect profile MODEL`: what a detector costs, and how long it takes here.

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { buildDetector, proposalsTogether } from '../../detect/detector.ts';
import { isDetectorFile, readDetectorDescription } from '../../detect/detector-file.ts';
import { detectionBytes, detectorTrainingBytes } from '../../detect/detector-memory.ts';
import { type DetectorPlan, type Part, planDetector } from '../../detect/detector-plan.ts';
import { type DetectorSettings, detectorSettings, headNames, publishedInput } from '../../detect/detector-settings.ts';
import { rand } from '../../engine/create.ts';
import { setThreads } from '../../engine/machine.ts';
import type { Architecture } from '../../space/architecture.ts';
import { bytesWords, millisecondsWords, whole } from '../../words.ts';
import { countFromZero, wholeNumber } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { alignColumns } from '../terminal/columns.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { type DetectorSizeFlags, namedNetwork, sizeSettings } from './detector-size.ts';
import { pictureSize } from './picture-size-flag.ts';

interface Flags extends DetectorSizeFlags {
  classes: number;
  together: number;
  pictures: number;
  threads: number;
  json?: boolean;
}

export function registerProfileDetector(detect: Command): void {
  detect
    .command('profile')
    .description('parameters, multiply-adds, memory and milliseconds a picture of a detector')
    .argument('<model>', 'weights that detect train wrote, or SOURCE:N@P, SOURCE:N with --filters, SOURCE:mobile|large')
    .addOption(new Option('--head <name>', 'of a detector that is not trained yet').choices(headNames).default('fpn'))
    .option('--filters <f>', 'F, filters of the first cells, instead of @P', wholeNumber('--filters', 'filters'))
    .option(
      '--size <pixels>',
      'H or HxW (default: 1200 for large, else 600; of a trained detector its own)',
      pictureSize('--size'),
    )
    .option('--channels <n>', 'of the pyramid, or of the proposals of paper', wholeNumber('--channels', 'filters'))
    .option('--hidden <n>', 'units of the fully connected layers of fpn', wholeNumber('--hidden', 'filters'))
    .option('--proposals <n>', 'of a picture (default: 300)', wholeNumber('--proposals'))
    .option('--classes <n>', 'categories', wholeNumber('--classes', 'classes'), 80)
    .option('--together <n>', 'proposals in the second stage at once', wholeNumber('--together'), proposalsTogether)
    .option('--measure <n>', 'time so many pictures with random weights; 0: none', countFromZero('--measure'), 0)
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism())
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  nasnet detect profile nasnet-a:large --head paper
  nasnet detect profile nasnet-a:mobile --measure 5`,
    )
    .action((model: string, { measure, ...flags }: Flags & { measure: number }) =>
      profile(model, { ...flags, pictures: measure }),
    );
}

async function profile(model: string, flags: Flags): Promise<void> {
  const { architecture, settings, classes } = await described(model, flags);
  const plan = planDetector(architecture, settings, classes);
  const block = new LiveBlock(process.stderr);
  const milliseconds = flags.pictures > 0 ? await timed(architecture, plan, flags, block) : undefined;
  const sum = (parts: readonly Part[]) => parts.reduce((total, { multiplyAdds }) => total + multiplyAdds, 0);
  const document = {
    model,
    settings,
    classes,
    levels: plan.levels,
    pictureParts: plan.pictureParts,
    proposalParts: plan.proposalParts,
    parameters: plan.parameters,
    multiplyAdds: {
      picture: sum(plan.pictureParts),
      proposal: sum(plan.proposalParts),
      total: plan.multiplyAdds,
    },
    memory: { detection: detectionBytes(plan, flags.together), trainingPicture: detectorTrainingBytes(plan, 1) },
    ...(milliseconds !== undefined && { milliseconds }),
  };
  if (flags.json) printDocument(document);
  else printWords(words(plan, document.memory, milliseconds));
}

interface Described {
  architecture: Architecture;
  settings: DetectorSettings;
  classes: number;
}

async function described(model: string, flags: Flags): Promise<Described> {
  const { head, size, proposals, classes } = flags;
  if (/\.safetensors$/i.test(model) && isDetectorFile(model)) {
    const { architecture, settings, categories } = readDetectorDescription(model);
    const changes = sizeSettings({ ...(size && { size }), ...(proposals !== undefined && { proposals }) });
    return { architecture, settings: { ...settings, ...changes }, classes: categories.length };
  }
  const { name, architecture, network } = await namedNetwork(model, flags);
  const side = publishedInput[name.named === 'large' ? 'large' : 'mobile'];
  const settings = detectorSettings({ head, network, input: [side, side], ...sizeSettings(flags) });
  return { architecture, settings, classes };
}

/** Returns the milliseconds of the median picture, and the largest memory of the process. */
async function timed(architecture: Architecture, plan: DetectorPlan, flags: Flags, block: LiveBlock) {
  setThreads(flags.threads);
  const detector = buildDetector(architecture, plan.settings, plan.classes, { seed: 1 }).train(false);
  const { input } = plan.settings;
  const times: number[] = [];
  for (let turn = 0; turn <= flags.pictures; turn++) {
    block.draw([`  ${turn} of ${flags.pictures} pictures`]);
    const images = rand([1, 3, ...input])
      .sub(0.5)
      .contiguous('channels_last');
    const began = performance.now();
    detector.detect(images, [input], { together: flags.together });
    if (turn > 0) times.push(performance.now() - began); // the first one warms up
    images.dispose();
  }
  block.draw([]);
  times.sort((one, other) => one - other);
  return { median: times[Math.floor(times.length / 2)]!, peakBytes: 1024 * process.resourceUsage().maxRSS };
}

function words(
  plan: DetectorPlan,
  memory: { detection: number; trainingPicture: number },
  measured: { median: number; peakBytes: number } | undefined,
): string {
  const { settings, levels, pictureParts, proposalParts } = plan;
  const rows = (parts: readonly Part[]) =>
    parts.map(({ name, parameters, multiplyAdds }) => [`  ${name}`, whole(parameters), whole(multiplyAdds)]);
  const table = [
    ['part', 'parameters', 'multiply-adds'],
    ['of a picture', '', ''],
    ...rows(pictureParts),
    ['of a proposal', '', ''],
    ...rows(proposalParts),
    [`with ${whole(settings.proposals)} proposals`, whole(plan.parameters), whole(plan.multiplyAdds)],
  ];
  const maps = levels.map(({ stride, shape }) => `stride ${stride}: ${shape.join(' × ')}`).join(', ');
  const time = measured
    ? `\n${millisecondsWords(measured.median)} a picture here, in at most ${bytesWords(measured.peakBytes)} of memory`
    : '';
  return `head ${settings.head}, pictures of ${settings.input.join(' × ')} pixels, ${whole(plan.classes)} categories
${maps}
${alignColumns(table, 'lr').join('\n')}
memory: at most ${bytesWords(memory.detection)} to find objects, ${bytesWords(memory.trainingPicture)} to train with one picture a step${time}
`;
}
