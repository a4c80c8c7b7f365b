// `nasnet detect evaluate MODEL --dataset …`: finds the objects of a dataset's pictures and compares them with the
// truth.

import { readDetector, readDetectorDescription } from '../../detect/detector-file.ts';
import { detectionBytes } from '../../detect/detector-memory.ts';
import { planDetector } from '../../detect/detector-plan.ts';
import { evaluateDetector } from '../../detect/evaluate-detector.ts';
import { prepareDevice } from '../../engine/device.ts';
import { setThreads } from '../../engine/machine.ts';
import { InputError } from '../../failure.ts';
import { ResultFiles } from '../../result-files.ts';
import { shellPath } from '../../shell-path.ts';
import { bytesWords, duration, whole } from '../../words.ts';
import { computingOf, type DeviceFlags } from '../flags/device-flags.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { type DetectionDataFlags, evaluatedPart, readDataset } from './detection-flags.ts';
import { savedSearch } from './saved-search.ts';
import { type EvaluationFlags, showEvaluation } from './show-evaluation.ts';

export interface ModelEvaluationFlags extends EvaluationFlags, DetectionDataFlags, DeviceFlags {
  dataset?: string;
  part?: string;
  size?: readonly [height: number, width: number];
  together: number;
  threads: number;
}

export async function evaluateModel(model: string, flags: ModelEvaluationFlags): Promise<void> {
  const { dataset: path, part, size, together } = flags;
  if (path === undefined) throw new InputError(`--dataset: expected pictures with boxes for ${model}, got none`);
  const { architecture, settings, categories, origin } = readDetectorDescription(model);
  const input = size ?? settings.input;
  const plan = planDetector(architecture, { ...settings, input }, categories.length);
  const block = new LiveBlock(process.stderr);
  const { parts, faults } = await readDataset(path, flags, block);
  const dataset = evaluatedPart(path, parts, part);
  const results = new ResultFiles({
    of: `detect evaluate ${model} ${path} ${part ?? ''}`,
    inputs: [model],
    overwrite: flags.overwrite,
  });
  block.log(`Memory: at most ${bytesWords(detectionBytes(plan, together))} predicted`);
  setThreads(flags.threads);
  const computing = computingOf(flags);
  prepareDevice(computing.device);
  const { detector } = readDetector(model, computing);
  const count = dataset.pictures.length;
  const began = performance.now();
  const names = categories.map(({ name }) => name);
  const search = { model, pictures: dataset.pictures.map(({ path }) => path), settings: { input, together } };
  let first: number | undefined; // of this run
  const { detections, unreadable, picturesPerSecond } = await savedSearch(
    search,
    block,
    (options) => evaluateDetector(detector, names, dataset, { input, together, ...options }),
    (done) => {
      first ??= done - 1;
      const left = ((performance.now() - began) / 1000 / (done - first)) * (count - done);
      block.draw([`  ${whole(done)} of ${whole(count)} pictures, ${duration(left)} left`]);
    },
  );
  block.draw([]);
  const notes = [
    `${model}: ${origin}${picturesPerSecond > 0 ? `; ${picturesPerSecond.toPrecision(3)} pictures a second` : ''}`,
    ...unreadable.map((sentence) => `not evaluated: ${sentence}`),
  ];
  for (const note of notes) block.log(note);
  const command = `nasnet detect evaluate ${shellPath(model)} --dataset ${shellPath(path)}`;
  await showEvaluation(
    { dataset, detections, title: `Objects that ${model} finds in ${path}`, command, faults, notes },
    flags,
    results,
  );
}
