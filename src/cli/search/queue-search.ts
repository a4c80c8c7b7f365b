// `nasnet search --queue`: what a search needs to have its trainings done by workers of other machines.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { basename, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
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
import { InputError } from '../../failure.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { openStore, type StorePlace } from '../../store/open-store.ts';
import {
  type Connection,
  connect,
  type QueueServer,
  serverName,
  serverProblems,
} from '../../store/redis-connection.ts';
import { StoredArtifacts } from '../../store/stored-artifacts.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { nasnetVersion } from '../../version.ts';
import { precisionWord } from '../flags/device-flags.ts';
import { queueWords, storeName } from '../flags/queue-flags.ts';
import { typedFlag, type UserFlags } from '../flags/user-flags.ts';
import type { SearchFlags } from './flags.ts';

/** For how many children at once a search is laid out where nobody has said so and fewer are there. */
const leastExpected = 4;

export interface QueueSearch {
  /** The options of the experiment that are other ones with a queue. */
  options: Required<Pick<ExperimentOptions, 'openRunner' | 'artifacts' | 'machines' | 'followWorkers'>> & {
    workers: number;
  };
  /** Finished: nothing of the search stays on the server or in the store. */
  close(end: { finished: boolean }): Promise<void>;
}

/** The server and the store of a queue, both of which have answered. */
export interface JoinedQueue extends AsyncDisposable {
  server: QueueServer;
  connection: Connection;
  store: ObjectStore;
  /** The store's name for workers. */
  storeName: string;
}

const withQueueOnly = ['store', 'expect', 'lease'];

/**
 * Connects to the queue of the flags, before a study is made; undefined without `--queue`.
 * @throws InputError, Failure if the server or the store cannot be used
 */
export async function joinQueue(
  { queue: server, store: named }: SearchFlags,
  userFlags: UserFlags,
  note: (line: string) => void,
): Promise<JoinedQueue | undefined> {
  if (server === undefined) {
    const needless = withQueueOnly.find((name) => userFlags.has(name));
    if (needless === undefined) return undefined;
    throw new InputError(`${typedFlag(needless)}: expected --queue with it, got none`);
  }
  await using opened = new AsyncDisposableStack();
  const connection = opened.use(await connect(server, { onChange: note }));
  for (const problem of await serverProblems(connection)) note(problem);
  const place: StorePlace = named ?? { kind: 'queue', server };
  const store = await openStore(place);
  opened.defer(() => store.close());
  await store.list(blockName('')); // a store that cannot be read is refused now
  const name = storeName(place);
  const end = opened.move();
  return { server, connection, store, storeName: name, [Symbol.asyncDispose]: () => end.disposeAsync() };
}

/** Announces a search to a queue. @throws Failure if another process searches the study */
export async function openQueueSearch(
  { server, connection, store, storeName }: JoinedQueue,
  study: Study<SearchSettings>,
  files: DatasetFiles,
  {
    flags,
    userFlags,
    computing,
    note,
  }: { flags: SearchFlags; userFlags: UserFlags; computing: Computing; note: (line: string) => void },
): Promise<QueueSearch> {
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
    store: storeName,
    dataset: offerOf(files, store),
    ...(flags.lease !== undefined && { lease: flags.lease }),
    onNote: note,
    onSlots: (count, kinds) => {
      note(`Workers are there for ${count} ${count === 1 ? 'child' : 'children'} at once`);
      slots.change(count, kinds);
    },
  });
  slots.change(queue.slots, queue.kinds);
  const words = ['--workers', String(flags.workers), '--device', flags.device];
  words.push('--precision', precisionWord(computing.precision)); // as the search, or it refuses the worker
  const own = userFlags.has('workers')
    ? new OwnWorker([...queueWords({ ...flags, queue: server }), ...words], note)
    : undefined;
  const narrow = computing.precision === 'bfloat16' ? ' --precision bf16' : ''; // on a CPU not the worker's default
  if (queue.slots === 0 && !own)
    note(`No worker is there yet. On each machine: nasnet worker --queue ${serverName(server)}${narrow}`);
  const named = flags.expect === 'workers' ? undefined : flags.expect;
  const expected = named ?? Math.max(leastExpected, queue.slots, own ? flags.workers : 0);
  const images = blockName(movableDataset(files).sha256);
  const followWorkers = flags.expect === 'workers';
  return searchOf({ connection, store, queue, slots, own, id, expected, followWorkers, images });
}

interface Parts {
  connection: Connection;
  store: ObjectStore;
  queue: SearchQueue;
  slots: Machines;
  own: OwnWorker | undefined;
  id: string;
  expected: number;
  followWorkers: boolean;
  /** The name of the images in the store. */
  images: string;
}

function searchOf({ connection, store, queue, slots, own, id, expected, followWorkers, images }: Parts): QueueSearch {
  const artifacts = new StoredArtifacts(store, id);
  return {
    options: {
      workers: expected,
      machines: slots,
      followWorkers,
      artifacts,
      openRunner: ({ setup, identity, threads }) => new QueueRunner({ queue, setup, identity, threads, leave: true }),
    },
    close: async ({ finished }) => {
      own?.end();
      if (finished) await artifacts.clearAll();
      await queue.close({ finished });
      if (finished && (await searchesOf(connection.redis)).length === 0) await store.remove(images);
      await artifacts.close();
    },
  };
}

/** How many children the workers that are there train at once. */
class Machines implements MachinesThere {
  count = 0;
  kinds: ReadonlyMap<string, number> = new Map();
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  change(count: number, kinds: ReadonlyMap<string, number>): void {
    this.count = count;
    this.kinds = kinds;
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

/**
 * A worker on this machine, in a process of its own: it must answer while this one computes. It ends with this process,
 * however that ends.
 */
class OwnWorker {
  readonly #process: ChildProcess;
  #ending = false;

  /** @param flags of the worker */
  constructor(flags: readonly string[], note: (line: string) => void) {
    const words = ['worker', ...flags, '--brief', '--idle', '365d']; // the search has its own lines, and ends it
    this.#process = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    createInterface({ input: this.#process.stderr! }).on('line', (line) => {
      if (!this.#ending) note(`Worker here: ${line}`);
    });
    this.#process.on('exit', (code, signal) => {
      if (!this.#ending) note(`The worker on this machine has ended (${signal ?? `exit code ${code}`})`);
    });
  }

  /** Lets it give back what is unfinished, which takes seconds. Nobody waits for it. */
  end(): void {
    this.#ending = true;
    this.#process.kill('SIGTERM');
    this.#process.unref();
    this.#process.channel?.unref();
    this.#process.stderr!.destroy();
  }
}
