// The study that `nasnet search` works on: a new one by the preset and the flags, or an existing one, which no flag changes.

import { InputError } from '../../failure.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { type Start, startOf } from '../../forecast/start.ts';
import { spaceLabel, spaces } from '../../space/search-space.ts';
import { openSearch } from '../../study/parse-settings.ts';
import { fitted, settingsOf } from '../../study/presets.ts';
import { printRungs } from '../../study/rung-text.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { computingOf } from '../flags/device-flags.ts';
import { type GivenFlags, typedFlag } from '../flags/given.ts';
import { isSameDataset } from '../flags/study-images.ts';
import type { SearchFlags } from './flags.ts';
import { readKnown } from './known-cells.ts';
import { anyLimit, limitsOf } from './limit-flags.ts';

/** A search before it has a study: what it will be, and where its predictions start. */
export interface NewSearch {
  settings: SearchSettings;
  counts: ImageCounts;
  start: Start;
}

/**
 * The settings of a new search by the preset and the flags, fitted to the images, its limits' laws included.
 * @throws InputError for flags that do not fit together, and for limits that no cell keeps
 */
export async function newSearch(
  flags: SearchFlags,
  given: GivenFlags,
  countsIn: (dataset: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<NewSearch> {
  const stated = await statedSettings(flags, given, note);
  const counts = await countsIn(stated);
  const settings = fitted(stated, counts);
  const { device } = computingOf(flags);
  const searching = { settings, counts, trials: settings.trials, workers: flags.workers, device };
  const start = await startOf(searching, flags.dryRun === true || flags.maxMemory !== undefined, note);
  const limits = await limitsOf(flags, settings, counts, start.laws);
  return { settings: { ...settings, ...(limits && { limits }) }, counts, start };
}

async function statedSettings(
  flags: SearchFlags,
  given: GivenFlags,
  note: (line: string) => void,
): Promise<SearchSettings> {
  const { dataset, size, seed, strategy, trials, epochs, finalists, finalistEpochs, reEvaluate } = flags;
  if (dataset === 'cifar10' && size !== undefined)
    throw new InputError('--size: expected with a folder of images only, got it with cifar10');
  const { space, blocks = spaces[space].blocks } = flags;
  const known = flags.known && (await readKnown(flags.known, { space, blocks }, note));
  const { rungs, reduction, randomPromotions: randomShare, finalEpochs, finalFilters, finalSize } = flags;
  if (epochs !== undefined && rungs?.[0]?.epochs !== undefined)
    throw new InputError(`--epochs: expected none beside --rungs, whose first rung is the child's, got ${epochs}`);
  const settings = settingsOf(flags.preset, {
    ...{ dataset, size, seed, strategy, trials, space, blocks, remember: !reEvaluate },
    ...(epochs !== undefined && { epochs }),
    ...(finalists !== undefined && { finalists }),
    ...(finalistEpochs !== undefined && { finalistEpochs }),
    ...{ finalEpochs, finalFilters, finalSize },
    ...(known && { known }),
    ...(anyLimit(flags) && { limits: { beyond: flags.overLimit } }), // what they are follows from the rest
    ...(rungs && { rungs, reduction, randomShare }),
  });
  for (const name of ['reduction', 'randomPromotions'])
    if (given.has(name) && !rungs) throw new InputError(`${typedFlag(name)}: expected --rungs beside it, got none`);
  if (finalistEpochs !== undefined && !settings.finalists)
    throw new InputError('--finalist-epochs: expected --finalists beside it, got none');
  return settings;
}

/** An existing study. @throws InputError if a flag asks for something else than what it was started with */
export async function reopen(
  path: string,
  flags: Partial<SearchFlags>,
  given: GivenFlags,
): Promise<Study<SearchSettings>> {
  const study = openSearch(path, { readOnly: flags.dryRun === true });
  const { preset, seed, strategy, dataset, size, space, blocks, child, finalists, ladder, limits, remember, known } =
    study.settings;
  const { final } = study.settings;
  const finalFlags = {
    finalEpochs: final.recipe.epochs,
    finalFilters: final.filters,
    finalSize: final.resolution,
  };
  const finalistFlags = { finalists: finalists?.count ?? 0, finalistEpochs: finalists?.training.recipe.epochs };
  const ladderFlags = {
    rungs: ladder?.stated,
    reduction: ladder?.reduction,
    randomPromotions: ladder?.randomShare,
  };
  const limitFlags = {
    maxParameters: limits?.parameters,
    maxMultiplyAdds: limits?.multiplyAdds,
    maxMemory: limits?.memory?.bytes,
    maxLatency: limits?.latency?.milliseconds,
    overLimit: limits?.beyond ?? 'none',
    reEvaluate: !remember,
  };
  const settled = {
    preset,
    seed,
    strategy,
    dataset,
    size,
    space: typeof space === 'string' ? space : spaceLabel(space),
    blocks,
    epochs: child.recipe.epochs,
    ...finalFlags,
    ...finalistFlags,
    ...ladderFlags,
    ...limitFlags,
  };
  for (const name of Object.keys(settled) as (keyof typeof settled)[]) {
    const asked = name === 'rungs' ? flags.rungs && printRungs(flags.rungs) : flags[name];
    const stored = settled[name];
    if (!given.has(name) || asked === stored) continue;
    if (name === 'dataset' && isSameDataset(flags.dataset!, dataset)) continue;
    study.close();
    throw new InputError(
      `${typedFlag(name)}: expected ${stored ?? 'none'}, with which ${path} was started, got ${asked}; name another file with --study to start a new search`,
    );
  }
  if (flags.known && JSON.stringify(await readKnown(flags.known, { space, blocks })) !== JSON.stringify(known)) {
    study.close();
    throw new InputError(
      `--known: expected ${known.length > 0 ? `the ${known.length} cells` : 'none'}, with which ${path} was started, got others; name another file with --study to start a new search`,
    );
  }
  return study;
}
