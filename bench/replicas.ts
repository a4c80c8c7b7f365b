// Measures what replicas gain on one machine: the same training by one process with one and with two threads, and by
// two processes with one thread each, over every transport that the addon has.
//   node bench/replicas.ts [--cells 2] [--filters 24] [--batch 64] [--steps 6] [--rounds 3]     (about four minutes)
// Prints images a second (medians of the rounds, which take turns), bytes that a replica sends in a step, and the share
// of the time that it spends in exchanges: waiting for the other one included.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { TrainingBatches } from '../src/data/batches.ts';
import { randint } from '../src/engine/create.ts';
import { setThreads } from '../src/engine/machine.ts';
import { buildNetwork } from '../src/model/network.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { freePort } from '../src/replicas/free-port.ts';
import { joinReplicas, transports } from '../src/replicas/join-replicas.ts';
import { nasnetA } from '../src/space/published.ts';
import { childRecipe } from '../src/train/recipe.ts';
import { trainNetwork } from '../src/train/training.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: {
    cells: { type: 'string', default: '2' },
    filters: { type: 'string', default: '24' },
    batch: { type: 'string', default: '64' },
    steps: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    member: { type: 'string' },
  },
});
const [cells, filters, batchSize, steps, rounds] = [
  values.cells,
  values.filters,
  values.batch,
  values.steps,
  values.rounds,
].map(Number) as [number, number, number, number, number];

interface Arrangement {
  replicas: number;
  threads: number;
  transport?: string;
}

interface Measured {
  imagesPerSecond: number;
  /** Bytes that a replica sends in a step. */
  bytes: number;
  /** Share of the time in exchanges. */
  exchanging: number;
}

interface Member extends Arrangement {
  rank: number;
  port: number;
}

if (values.member !== undefined) {
  const measured = await train(JSON.parse(values.member) as Member);
  console.log(JSON.stringify(measured));
} else await compare();

/** Trains two epochs and measures the second one. */
async function train({ rank, replicas: count, threads, transport, port }: Member): Promise<Measured> {
  setThreads(threads);
  const place = { host: '127.0.0.1', port };
  const joined =
    count > 1
      ? await joinReplicas({
          ...{ rank, count, place, training: {}, device: 'cpu', transports: [transport!] },
          locals: { command: [], replicas: [] },
        })
      : undefined;
  const images = batchSize * steps;
  const batches = new TrainingBatches({
    from: {
      images: randint(0, 256, [images, 3, 32, 32]).to('uint8'),
      labels: randint(0, 10, [images]).to('int64'),
    },
    whitening: { mean: [127, 127, 127], deviation: [64, 64, 64] },
    ...{ batchSize, seed: 1, augmentation: childRecipe },
    part: joined && { index: rank, count },
  });
  const plan = planNetwork(nasnetA, { cells, filters, input: 32, classes: 10 });
  const network = buildNetwork(plan, { seed: 1 });
  let seen = { bytes: 0, seconds: 0, at: performance.now() };
  let measured: Measured | undefined;
  const recipe = { ...childRecipe, epochs: 2, batchSize };
  await trainNetwork(network, batches, recipe, {
    seed: 1,
    replicas: joined,
    onEpoch: ({ imagesPerSecond }) => {
      const { bytes = 0, seconds = 0 } = joined?.traffic ?? {};
      const milliseconds = performance.now() - seen.at;
      measured = {
        imagesPerSecond,
        bytes: (bytes - seen.bytes) / steps,
        exchanging: (1000 * (seconds - seen.seconds)) / milliseconds,
      };
      seen = { bytes, seconds, at: performance.now() };
    },
  });
  await joined?.leave();
  return measured!;
}

async function measure(arrangement: Arrangement): Promise<Measured> {
  const port = await freePort();
  const members = Array.from({ length: arrangement.replicas }, (_, rank) => start({ ...arrangement, rank, port }));
  const [first] = await Promise.all(members);
  return first!;
}

function start(member: Member): Promise<Measured> {
  const words = [process.argv[1]!, ...process.argv.slice(2), '--member', JSON.stringify(member)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return new Promise((resolve, reject) =>
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`exit code ${code}`)))),
  );
}

async function compare(): Promise<void> {
  const arrangements: Arrangement[] = [
    { replicas: 1, threads: 1 },
    { replicas: 1, threads: 2 },
    ...transports()
      .filter((name) => name !== 'nccl')
      .map((transport) => ({ replicas: 2, threads: 1, transport })),
  ];
  const all = arrangements.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, arrangement] of arrangements.entries()) all[index]!.push(await measure(arrangement));
  console.log(`NASNet-A, N = ${cells}, F = ${filters}, 32 pixels, batches of ${batchSize}, ${rounds} rounds`);
  console.log('| replicas × threads | images/s | gain | sent a step | in exchanges |');
  console.log('| --- | --- | --- | --- | --- |');
  const speeds = all.map((each) => median(each.map(({ imagesPerSecond }) => imagesPerSecond)));
  for (const [index, { replicas, threads, transport }] of arrangements.entries()) {
    const exchanging = median(all[index]!.map((each) => each.exchanging));
    const sent = `${(all[index]![0]!.bytes / 1e6).toFixed(2)} MB`;
    const name = `${replicas} × ${threads}${transport ? `, ${transport}` : ''}`;
    const gain = (speeds[index]! / speeds[0]!).toFixed(2);
    const shares = replicas > 1 ? `${sent} | ${(100 * exchanging).toFixed(1)}%` : '– | –';
    console.log(`| ${name} | ${speeds[index]!.toFixed(1)} | ${gain} | ${shares} |`);
  }
}
