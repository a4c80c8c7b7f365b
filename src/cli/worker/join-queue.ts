// `nasnet worker`: trains children of searches on other machines until there is nothing to do. It computes in processes
// of its own (children/), and never loads the engine itself.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, hostname, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { Option } from 'commander';
import { checkTrainingJob, readTrainingSetup } from '../../children/job-schema.ts';
import type { MachineReport } from '../../children/machine-report.ts';
import { setupDataset } from '../../children/setup-dataset.ts';
import type { TrainingResources } from '../../children/training-job.ts';
import { Agent, type Prepared } from '../../cluster/agent.ts';
import { keys } from '../../cluster/keys.ts';
import type { SearchCard, Terms } from '../../cluster/queue-messages.ts';
import { clusterDefaults } from '../../cluster/queue-settings.ts';
import { deviceForms } from '../../engine/device.ts';
import { Failure, InputError } from '../../failure.ts';
import { memoryLeft } from '../../forecast/machine-memory.ts';
import { folderIdentity } from '../../store/folder-store.ts';
import { openStore, type StorePlace } from '../../store/open-store.ts';
import { type Connection, connect, type QueueServer, serverProblems } from '../../store/redis-connection.ts';
import { nasnetVersion } from '../../version.ts';
import { visible } from '../../visible.ts';
import { bytesWords, duration } from '../../words.ts';
import { timeSpan, wholeNumber } from '../flags/parsers.ts';
import { addQueueFlag, type NamedStore, parseStore, storeHelp } from '../flags/queue-flags.ts';

interface WorkerFlags {
  queue: QueueServer;
  workers?: number;
  device: string;
  precision?: 'float32' | 'bf16';
  data: string[];
  store?: NamedStore;
  idle: number;
  grace: number;
  brief?: boolean;
}

export function registerWorker(program: Command): void {
  const command = program
    .command('worker')
    .description('train children of searches on other machines, which share a queue');
  addQueueFlag(command)
    .option(
      '--workers <n>',
      'children trained at once (default: one per core, as memory allows; on a GPU one)',
      wholeNumber('--workers', 'workers'),
    )
    .option('--device <name>', `${deviceForms}; auto takes the first GPU where there is one`, 'auto')
    .addOption(
      new Option(
        '--precision <name>',
        'of images and convolutions, the same as that of the search (default: bf16 on a GPU, float32 on the CPU)',
      ).choices(['float32', 'bf16']),
    )
    .option(
      '--data <path>',
      'images on this machine that a search may use: a folder, or the official CIFAR-10 files; may be given several times (default: the cache, else they are fetched)',
      (path: string, others: string[]) => [...others, path],
      [],
    )
    .option('--store <place>', storeHelp, parseStore)
    .option(
      '--idle <time>',
      'end after so long without work, such as 90s, 10m or 2h',
      timeSpan('--idle'),
      clusterDefaults.idle,
    )
    .option(
      '--grace <time>',
      'after SIGTERM: how long children may still train before they are given back',
      timeSpan('--grace'),
      0,
    )
    .option('--brief', 'say nothing about single children')
    .addHelpText(
      'after',
      `
Ctrl-C lets running children end and takes no more; a second one gives them back at once, as SIGTERM does.
The password is in NASNET_QUEUE_PASSWORD or the file NASNET_QUEUE_PASSWORD_FILE (docs/cluster.md).

Examples:
  nasnet worker --queue redis://head:6379
  nasnet worker --queue rediss://head:6379 --workers 4 --idle 2h --store /mnt/nasnet
  nasnet worker --queue redis://head:6379 --device cuda:1 --precision bf16 --data photos`,
    )
    .action((flags: WorkerFlags) => work(flags));
}

const say = (line: string) => void process.stderr.write(`${visible(line)}\n`);

async function work(flags: WorkerFlags): Promise<void> {
  for (const path of flags.data)
    if (!existsSync(path)) throw new InputError(`--data: expected images at ${path}, got no such file`);
  const machine = await describeMachine(flags);
  const { computing } = machine;
  const onGpu = computing.device !== 'cpu';
  const memory = machine.deviceBytes ?? memoryLeft();
  const slots =
    flags.workers ?? (onGpu ? 1 : Math.max(1, Math.min(availableParallelism(), Math.floor(memory / 2 ** 30))));
  await using connection = await connect(flags.queue, { onChange: say });
  for (const problem of await serverProblems(connection)) say(problem);
  const terms = {
    version: nasnetVersion(),
    evaluator: 'training',
    precision: computing.precision,
    libtorch: machine.libtorch,
  };
  const kind = onGpu ? `${computing.device} of ${hostname()}` : (cpus()[0]?.model.trim() ?? 'unknown');
  say(
    `${hostname()}: ${availableParallelism()} cores, ${bytesWords(totalmem())} of memory, ${computing.device} in ${computing.precision}, libtorch ${machine.libtorch}, nasnet ${terms.version}; ${slots === 1 ? 'one child' : `${slots} children`} at once`,
  );
  const resources = new Resources({ connection, flags, computing });
  const agent = new Agent({
    connection,
    slots,
    memory: memory / slots,
    machine: kind,
    terms: terms satisfies Terms,
    evaluator: new URL('../../children/training-job.ts', import.meta.url),
    prepare: (setup, search, threads) => resources.prepare(setup, search, threads),
    checkJob: checkTrainingJob,
    refuses: (search) => resources.refuses(search),
    isBrief: (message) => typeof (message as { epoch?: unknown }).epoch !== 'number',
    toGiveUp: 8000, // saving and sending a checkpoint
    onLine: say,
    ...(!flags.brief && { onJob: say }),
  });
  await agent.start();
  if (agent.lanes.length === 0) say(`No search has work yet; waiting for one for ${duration(flags.idle)}`);
  await untilEnd(agent, flags);
  await agent.close();
  const { done, failed } = agent.finished;
  say(`Ended after ${done} trainings${failed > 0 ? `, and ${failed} that failed` : ''}`);
}

/** Resolves when the worker should end: idle, drained, or by a signal, as the help says. */
async function untilEnd(agent: Agent, { idle, grace }: WorkerFlags): Promise<void> {
  const stop = new AbortController();
  let interrupts = 0;
  const onInterrupt = () => {
    interrupts++;
    if (interrupts === 1) {
      say(`Takes no more; ${agent.running} children end first. Repeat to give them back.`);
      agent.drain();
    } else if (interrupts === 2) agent.giveBack();
    else process.exit(130);
    stop.abort();
  };
  const onTerminate = () => {
    say(`Gives back what is unfinished${grace > 0 ? ` in ${duration(grace)}` : ''}`);
    agent.drain();
    setTimeout(() => agent.giveBack(), 1000 * grace).unref();
    stop.abort();
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  process.on('SIGHUP', onTerminate);
  process.on('disconnect', onTerminate); // the search that started it is gone
  while (!stop.signal.aborted) {
    await sleep(500, undefined, { signal: stop.signal }).catch(() => {});
    if (agent.draining && agent.running === 0) return;
    if (agent.idle < 1000 * idle) continue;
    say(`Had nothing to do for ${duration(idle)}`);
    return;
  }
}

const run = promisify(execFile);
const reportModule = import.meta.filename.replace(/cli.worker.join-queue(\.\w+)$/, 'children/machine-report$1');

async function describeMachine({
  device,
  precision,
}: WorkerFlags): Promise<Exclude<MachineReport, { refused: string }>> {
  const words = [reportModule, device, precision === 'bf16' ? 'bfloat16' : (precision ?? '')];
  const { stdout } = await run(process.execPath, words).catch((error: Error) => {
    throw new Failure(
      `this machine cannot train: ${error.message.split('\n').slice(-2).join(' ')}; "nasnet doctor" says what it lacks`,
    );
  });
  const report = JSON.parse(stdout) as MachineReport;
  if ('refused' in report) throw new InputError(report.refused, { code: 'unknown-device' });
  return report;
}

interface ResourcesOptions {
  connection: Connection;
  flags: WorkerFlags;
  computing: NonNullable<TrainingResources['computing']>;
}

/** Resources of this machine for setups. */
class Resources {
  readonly #options: ResourcesOptions;

  constructor(options: ResourcesOptions) {
    this.#options = options;
  }

  /** Returns why a search's store cannot be used here; undefined if it can. */
  refuses({ store }: SearchCard): string | undefined {
    const place = this.#options.flags.store;
    if (store === 'queue') return undefined;
    if (store.startsWith('s3://'))
      return process.env.AWS_ACCESS_KEY_ID
        ? undefined
        : `the keys of ${store} in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`;
    if (place?.kind !== 'folder') return 'the shared folder of the search: add --store FOLDER';
    return store === `folder ${folderIdentity(place.path)}`
      ? undefined
      : `another shared folder than --store ${place.path}`;
  }

  async prepare(value: unknown, search: SearchCard, threads: 'one' | 'all'): Promise<Prepared> {
    const { connection, flags, computing } = this.#options;
    const { redis } = connection;
    const { dataset } = readTrainingSetup(value);
    const storePlace = this.#placeOf(search);
    const store = await openStore(storePlace);
    const request = async () => {
      await redis.set(keys.wanted(dataset.content), '1', 'EX', 3600);
      for (let seconds = 0; seconds < 600 && (await redis.exists(keys.wanted(dataset.content))) > 0; seconds++)
        await sleep(1000);
    };
    try {
      const describe = async () => (await redis.get(keys.dataset(dataset.content))) ?? undefined;
      const files = await setupDataset(dataset, { own: flags.data, describe, store, request, onLine: say });
      const count = threads === 'all' ? availableParallelism() : 1;
      const resources: TrainingResources = {
        datasets: [files],
        artifacts: { store: storePlace, study: search.id },
        threads: count,
        computing,
        saveWhenStopped: true,
      };
      return { resources, threads: count };
    } finally {
      await store.close();
    }
  }

  /** The place of a search's store, which `refuses` has accepted. */
  #placeOf({ store }: SearchCard): StorePlace {
    const { queue: server, store: named } = this.#options.flags;
    if (store.startsWith('s3://')) return parseStore(store);
    return store === 'queue' || named === undefined ? { kind: 'queue', server } : named;
  }
}
