// The study that `nasnet search` works on: a new one by the preset and the flags, or an existing one, which no flag changes.

import { existsSync } from 'node:fs';
import { InputError } from '../failure.ts';
import { defaultSpace, spaces } from '../space/search-space.ts';
import { type Limits, limitCheck, refuseImpossible } from '../study/limits.ts';
import { fitted, type SearchSettings, settingsOf } from '../study/preset.ts';
import { printRungs } from '../study/rung-text.ts';
import { Study } from '../study/study.ts';
import { prepareDataset } from './dataset.ts';
import { type GivenFlags, typedFlag } from './flags.ts';
import { readKnown } from './known-cells.ts';
import type { SearchDisplay } from './search-display.ts';
import type { SearchFlags } from './search-flags.ts';

/** The study in this file, begun if there is none. @throws InputError for flags that do not fit together or an existing study */
export async function studyOf(
  path: string,
  flags: SearchFlags,
  given: GivenFlags,
  display: SearchDisplay,
): Promise<Study<SearchSettings>> {
  return existsSync(path) ? await reopen(path, flags, given) : await begin(path, flags, given, display);
}

/** A new study by the preset, fitted to the images. */
async function begin(
  path: string,
  flags: SearchFlags,
  given: GivenFlags,
  display: SearchDisplay,
): Promise<Study<SearchSettings>> {
  const { dataset, size, seed, strategy, trials, finalists, finalistEpochs, reEvaluate } = flags;
  if (dataset === 'cifar10' && size !== undefined)
    throw new InputError('--size: expected with a folder of images only, got it with cifar10');
  const { space, blocks = spaces[space].blocks } = flags;
  const known = flags.known && (await readKnown(flags.known, { space, blocks }, (note) => display.note(note)));
  const limits = limitsOf(flags);
  const { rungs, reduction, randomPromotions: randomShare } = flags;
  const settings = settingsOf(flags.preset, {
    ...{ dataset, size, seed, strategy, trials, space, blocks, remember: !reEvaluate },
    ...(finalists !== undefined && { finalists }),
    ...(finalistEpochs !== undefined && { finalistEpochs }),
    ...(known && { known }),
    ...(limits && { limits }),
    ...(rungs && { rungs, reduction, randomShare }),
  });
  for (const name of ['reduction', 'randomPromotions'])
    if (given.has(name) && !rungs) throw new InputError(`${typedFlag(name)}: expected --rungs beside it, got none`);
  if (finalistEpochs !== undefined && !settings.finalists)
    throw new InputError('--finalist-epochs: expected --finalists beside it, got none');
  const files = await prepareDataset({ ...settings, data: flags.data }, display);
  if (limits) refuseImpossible(limits, limitCheck(limits, settings.final, files.classes.length, space), blocks);
  return Study.create(path, fitted(settings, files.train.count));
}

function limitsOf({ maxParameters, maxMultiplyAdds, overLimit }: SearchFlags): Limits | undefined {
  if (maxParameters === undefined && maxMultiplyAdds === undefined) return undefined;
  return {
    ...(maxParameters !== undefined && { parameters: maxParameters }),
    ...(maxMultiplyAdds !== undefined && { multiplyAdds: maxMultiplyAdds }),
    beyond: overLimit,
  };
}

/** An existing study. @throws InputError if a flag asks for something else than what it was started with */
async function reopen(path: string, flags: SearchFlags, given: GivenFlags): Promise<Study<SearchSettings>> {
  const study = Study.open<SearchSettings>(path);
  const {
    preset,
    seed,
    strategy,
    dataset,
    size,
    space = defaultSpace,
    blocks,
    finalists,
    ladder,
    limits,
    remember,
    known,
  } = study.settings;
  const finalistFlags = { finalists: finalists?.count ?? 0, finalistEpochs: finalists?.training.recipe.epochs };
  const ladderFlags = {
    rungs: ladder?.stated,
    reduction: ladder?.reduction,
    randomPromotions: ladder?.randomShare,
  };
  const limitFlags = {
    maxParameters: limits?.parameters,
    maxMultiplyAdds: limits?.multiplyAdds,
    overLimit: limits?.beyond ?? 'none',
    reEvaluate: !remember,
  };
  const settled = {
    preset,
    seed,
    strategy,
    dataset,
    size,
    space,
    blocks,
    ...finalistFlags,
    ...ladderFlags,
    ...limitFlags,
  };
  for (const name of Object.keys(settled) as (keyof typeof settled)[]) {
    const asked = name === 'rungs' ? flags.rungs && printRungs(flags.rungs) : flags[name];
    const stored = settled[name];
    if (!given.has(name) || asked === stored) continue;
    study.close();
    throw new InputError(
      `${typedFlag(name)}: expected ${stored ?? 'none'}, with which ${path} was started, got ${asked}; name another file with --study to start anew`,
    );
  }
  if (flags.known && JSON.stringify(await readKnown(flags.known, { space, blocks })) !== JSON.stringify(known)) {
    study.close();
    throw new InputError(
      `--known: expected ${known ? `the ${known.length} cells` : 'none'}, with which ${path} was started, got others; name another file with --study to start anew`,
    );
  }
  return study;
}
