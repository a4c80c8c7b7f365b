// `nasnet search --queue`: what a search needs to have its trainings done by workers of other machines.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { basename, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { libtorchLine } from '../../children/machine-report.ts';
import { blockName } from '../../children/setup-dataset.ts';
import { QueueRunner } from '../../cluster/queue-runner.ts';
import { SearchQueue } from '../../cluster/search-queue.ts';
import { searchesOf } from '../../cluster/workers-there.ts';
import type { DatasetFiles } from '../../data/dataset-files.ts';
import { movableDataset } from '../../data/moved-dataset.ts';
import type { Computing } from '../../engine/device.ts';
import { libtorch } from '../../engine/machine.ts';
import type { ExperimentOptions } from '../../experiment/experiment.ts';
import type { MachinesThere } from '../../experiment/search-loop.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { openStore } from '../../store/open-store.ts';
import { type Connection, connect, parseServer, serverName, serverProblems } from '../../store/redis-connection.ts';
import { StoredArtifacts } from '../../store/stored-artifacts.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { nasnetVersion } from '../../version.ts';
import { parseStore, storeName } from '../flags/queue-flags.ts';
import type { UserFlags } from '../flags/user-flags.ts';
import type { SearchFlags } from './flags.ts';

/** For how many children at once a search is laid out where nobody has said so and fewer are there. */
const leastExpected = 4;

export interface QueueSearch {
  /** The options of the experiment that are other ones with a queue. */
  options: Required<Pick<ExperimentOptions, 'openRunner' | 'artifacts' | 'machines'>> & { workers: number };
  /** Finished: nothing of the search stays on the server or in the store. */
  close(end: { finished: boolean }): Promise<void>;
}

/** Joins a queue; undefined without `--queue`. @throws InputError, Failure if the server cannot be used */
export async function openQueueSearch(
  study: Study<SearchSettings>,
  files: DatasetFiles,
  {
    flags,
    userFlags,
    computing,
    note,
  }: { flags: SearchFlags; userFlags: UserFlags; computing: Computing; note: (line: string) => void },
): Promise<QueueSearch | undefined> {
  if (flags.queue === undefined) return undefined;
  const server = parseServer(flags.queue);
  const place = parseStore(flags.store, server);
  const connection = await connect(server, { onChange: note });
  try {
    for (const problem of await serverProblems(connection)) note(problem);
    const store = await openStore(place);
    const id = study.recordOnce('queue', randomUUID(), z.string());
    const slots = new Machines();
    const queue = await SearchQueue.open({
      connection,
      id,
      name: isAbsolute(study.path) ? basename(study.path) : study.path,
      terms: {
        version: nasnetVersion(),
        evaluator: 'training',
        precision: computing.precision,
        libtorch: libtorchLine(libtorch().version),
      },
      store: storeName(place),
      dataset: offerOf(files, store),
      ...(flags.lease !== undefined && { lease: flags.lease }),
      onNote: note,
      onSlots: (count) => {
        note(`Workers are there for ${count} ${count === 1 ? 'child' : 'children'} at once`);
        slots.change(count);
      },
    });
    slots.change(queue.slots);
    if (queue.slots === 0) note(`No worker is there yet. On each machine: nasnet worker --queue ${serverName(server)}`);
    const own = userFlags.has('workers') ? startWorker(flags) : undefined;
    const expected = flags.expect ?? Math.max(leastExpected, queue.slots, own ? flags.workers : 0);
    return searchOf({
      connection,
      store,
      queue,
      slots,
      own,
      id,
      expected,
      images: blockName(movableDataset(files).sha256),
    });
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

interface Parts {
  connection: Connection;
  store: ObjectStore;
  queue: SearchQueue;
  slots: Machines;
  own: ChildProcess | undefined;
  id: string;
  expected: number;
  /** The name of the images in the store. */
  images: string;
}

function searchOf({ connection, store, queue, slots, own, id, expected, images }: Parts): QueueSearch {
  const artifacts = new StoredArtifacts(store, id);
  return {
    options: {
      workers: expected,
      machines: slots,
      artifacts,
      openRunner: ({ setup, identity, threads }) => new QueueRunner({ queue, setup, identity, threads, leave: true }),
    },
    close: async ({ finished }) => {
      own?.kill('SIGTERM');
      if (finished) await artifacts.clearAll();
      await queue.close({ finished });
      if (finished && (await searchesOf(connection.redis)).length === 0) await store.remove(images);
      await artifacts.close();
      await connection[Symbol.asyncDispose]();
    },
  };
}

/** How many children the workers that are there train at once. */
class Machines implements MachinesThere {
  count = 0;
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  change(count: number): void {
    this.count = count;
    for (const listener of this.#listeners) listener();
  }
}

function offerOf(files: DatasetFiles, store: ObjectStore) {
  const { description, block, sha256 } = movableDataset(files);
  const send = async () => {
    if ((await store.list(blockName(sha256))).length === 0) await store.write(blockName(sha256), block);
  };
  return { content: files.content, description, send };
}

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'nasnet');

/** Starts a worker on this machine, in a process of its own: it must answer while this one computes. */
function startWorker({ queue, workers, device, precision, store }: SearchFlags): ChildProcess {
  const words = ['worker', '--queue', queue!, '--workers', String(workers), '--device', device];
  if (precision !== undefined) words.push('--precision', precision);
  if (store !== undefined) words.push('--store', store);
  return spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'ignore', 'ignore'] });
}
