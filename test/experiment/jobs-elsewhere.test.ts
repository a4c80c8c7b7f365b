// Every job of a search is plain data that any machine can run: it has no path of this machine, and the same result on
// another.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { studyFolders } from '../../src/children/study-artifacts.ts';
import { type TrainingJob, type TrainingSetup, trainer } from '../../src/children/training-job.ts';
import { contentIdentity } from '../../src/content-identity.ts';
import type { DatasetFiles } from '../../src/data/dataset-files.ts';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { trialRequest } from '../../src/experiment/evaluated-search.ts';
import { type ExperimentEvent, runExperiment } from '../../src/experiment/experiment.ts';
import type { SearchOutlook } from '../../src/experiment/outlook.ts';
import { localRunners, type OpenRunner, type TrainingGroup } from '../../src/experiment/training-runners.ts';
import { measureLaws, probeRunner } from '../../src/forecast/probe.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import type { WorkerResult } from '../../src/study/outcome.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { parseRungs } from '../../src/study/rung-text.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import type { JobRunner } from '../../src/workers/job-runner.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const [here, there] = [join(folder, 'here'), join(folder, 'there')];

const rungs = parseRungs('images=36,2:images=48:resolution=16,1:filters=6,2');
const base = settingsOf('smoke', { dataset: 'x', seed: 5, strategy: 'random', rungs, reduction: 2 });
const small = { trainingImages: 48, resolution: 8 };
const recipe = { ...base.final.recipe, batchSize: 12 };
const settings: SearchSettings = {
  ...base,
  validationImages: 12,
  child: { ...base.child, recipe },
  ladder: { ...base.ladder!, rungs: base.ladder!.rungs.map((rung) => ({ ...rung, recipe })) },
  finalists: { count: 2, training: { ...base.child, ...small, recipe }, seeds: { least: 2, most: 2 } },
  final: { ...base.final, ...small, recipe },
};

interface Sent {
  wanted: TrainingGroup;
  job: TrainingJob;
  result: WorkerResult;
}

/** All that the search sent, in the order of its results. */
const sent: Sent[] = [];
let files: DatasetFiles;

const throughJson = <Data>(data: Data): Data => JSON.parse(JSON.stringify(data));

/** A runner whose jobs go the way of a queue, through text, and are noted when they are done. */
function noting(runner: JobRunner, note: (job: unknown, result: unknown) => void): JobRunner {
  return {
    run: async (job, options) => {
      assert.deepEqual(throughJson(job), job);
      const outcome = await runner.run(throughJson(job), options);
      if ('failure' in outcome) throw new Error(outcome.failure.message);
      note(job, outcome.result);
      return outcome;
    },
    close: () => runner.close(),
    [Symbol.asyncDispose]: () => runner.close(),
  };
}

before(async () => {
  const random = new RandomStream('images');
  for (const [label, level] of [40, 120, 200].entries()) {
    mkdirSync(join(here, 'images', `class ${label}`), { recursive: true });
    for (let index = 0; index < 24; index++) {
      const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => level + random.integer(50));
      const picture = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
      await picture.png().toFile(join(here, 'images', `class ${label}`, `${index}.png`));
    }
  }
  files = await prepareImageFolder(join(here, 'images'), { size: 16, cache: join(here, 'cache') });
  using study = Study.create(join(here, 'study.db'), settings);
  const local = localRunners({ datasets: [files], artifacts: studyFolders(study.path) });
  const openRunner: OpenRunner = (wanted) => {
    assert.deepEqual(throughJson(wanted.setup), wanted.setup);
    const runner = local({ ...wanted, setup: throughJson(wanted.setup) });
    return noting(runner, (job, result) => {
      sent.push({ wanted, job: job as TrainingJob, result: result as WorkerResult });
    });
  };
  const { signal } = new AbortController();
  const kinds: string[] = [];
  const onEvent = ({ kind }: ExperimentEvent) => void kinds.push(kind);
  const options = { study, files, trials: 6, workers: 2, directory: here, signal, onEvent };
  assert.equal(await runExperiment({ ...options, openRunner }), 'finished');
  assert.equal(kinds[0], 'forecast', 'the forecast comes before anything else');
  assert.ok(study.result('prediction')!.children > 0, 'and the study keeps what was learnt of its children');
});

test('the time left counts no more workers than an in-order search has children for, and says so', async () => {
  using study = Study.create(join(here, 'waiting.db'), settings);
  const lines: string[] = [];
  let outlook: SearchOutlook | undefined;
  const onEvent = (event: ExperimentEvent) => {
    if (event.kind === 'forecast') outlook = event.outlook;
    if (event.kind === 'note') lines.push(event.line);
  };
  const listeners: (() => void)[] = [];
  const machines = {
    count: 3,
    kinds: new Map<string, number>(),
    onChange: (follow: () => void) => listeners.push(follow),
  };
  const options = { study, files, trials: 60, workers: 2, directory: here, signal: AbortSignal.abort(), onEvent };
  assert.equal(await runExperiment({ ...options, machines }), 'interrupted');
  const leftWith = (count: number) => {
    machines.count = count;
    for (const follow of listeners) follow();
    return outlook!.left();
  };
  const [three, six] = [leftWith(3), leftWith(6)];
  assert.ok(Math.abs(three / six - 2) < 1e-6);
  assert.equal(lines.length, 0);
  assert.equal(leftWith(500), six, 'two workers, three open children for each');
  assert.match(lines.join(), /^This search decides in order and has at most 6 children open/);
});

/** Every text in some data. */
function* textsIn(data: unknown): Iterable<string> {
  if (typeof data === 'string') yield data;
  else if (typeof data === 'object' && data !== null) {
    yield* Object.keys(data);
    for (const value of Object.values(data)) yield* textsIn(value);
  }
}

const isKey = (text: string) => /^(paused|unfinished|final)\/[a-z0-9-]+(\.best|\.last)?\.safetensors$/.test(text);

function assertNamesNoPlace(data: unknown): void {
  for (const text of textsIn(data)) assert.ok(isKey(text) || !/[/\\~]|:/.test(text), `${text} is like a path`);
}

test('the search sent trainings of every kind', () => {
  const kinds = sent.map(({ job }) => {
    if (job.keepModel) return 'final';
    if (job.checkpoint?.key.includes('finalist')) return 'finalist';
    return `rung ${/rung-(\d)/.exec(job.checkpoint!.key)![1]}, ${job.earlier ? 'after another' : 'fresh'}`;
  });
  const expected = ['final', 'finalist', 'rung 0, fresh', 'rung 1, after another', 'rung 2, fresh'];
  assert.deepEqual([...new Set(kinds)].sort().slice(0, 5), expected);
});

test('jobs and their setups name artifacts by key, the dataset by content, and no place of this machine', async () => {
  for (const { job, wanted } of sent) assertNamesNoPlace([job, wanted.setup]);
  const probes: unknown[] = [];
  const openRunner = (workers: number) => noting(probeRunner(workers), (job) => probes.push(job));
  await measureLaws(settings, { images: 72, classes: 3 }, { workers: 1, expected: 1, openRunner });
  assert.ok(probes.length > 0);
  assertNamesNoPlace(probes);
  const request = trialRequest(settings, { number: 7, candidate: new Candidate(sampleDecisions(new RandomStream(3))) });
  assert.deepEqual(throughJson(request), request);
  assertNamesNoPlace(request);
});

test('a setup has one identity wherever it is: that of its content', () => {
  for (const { wanted } of sent) {
    const turned = Object.fromEntries(Object.entries(throughJson(wanted.setup)).reverse());
    assert.equal(contentIdentity(turned), wanted.identity);
  }
  const setups = new Map(sent.map(({ wanted }) => [wanted.identity, JSON.stringify(wanted.setup)]));
  assert.equal(setups.size, new Set(setups.values()).size);
  assert.ok(setups.size >= 2, 'children, and what is trained on more images');
});

test('another machine, with its own copy of the images and nothing else, has the same rewards to the bit', async () => {
  cpSync(join(here, 'images'), join(there, 'pictures'), { recursive: true });
  const copy = await prepareImageFolder(join(there, 'pictures'), { size: 16, cache: join(there, 'cache') });
  assert.notEqual(copy.train.path, files.train.path);
  assert.equal(copy.content, files.content);
  const elsewhere = async ({ wanted, job }: Sent, artifacts: Record<string, string>) => {
    const threads = wanted.threads === 'one' ? 1 : availableParallelism();
    const train = await trainer(throughJson(wanted.setup), { datasets: [copy], artifacts, threads });
    return (await train(throughJson(job), () => {}, new AbortController().signal)) as WorkerResult;
  };
  const lossOf = ({ details }: WorkerResult) => (details as { loss: number }).loss;
  const artifacts = studyFolders(join(there, 'study.db'));
  for (const each of sent) {
    const result = await elsewhere(each, artifacts);
    assert.deepEqual([result.reward, lossOf(result)], [each.result.reward, lossOf(each.result)]);
    if (!each.job.earlier) continue;
    const alone = await elsewhere(each, studyFolders(join(there, 'a third one', 'study.db')));
    assert.equal((alone.details as { continued: boolean }).continued, false);
    assert.equal(lossOf(alone), lossOf(each.result));
  }
  assert.ok(await new FolderArtifacts(artifacts).get('final/network.safetensors'));
});

test('a machine that has other images says so before it trains', async () => {
  const { setup } = sent[0]!.wanted;
  const other: TrainingSetup = { ...setup, dataset: { name: 'photos', content: '0123456789abcdef' } };
  await assert.rejects(
    trainer(other, { datasets: [files], threads: 1 }),
    /^Failure: dataset: expected photos with the content 0123456789ab, got images \([0-9a-f]{12}\)$/,
  );
});
