// Compares images per second with PyTorch on the same networks: training NASNet-A as a search's child, as the paper's
// and as the final network, training 20 random architectures of the space, and running NASNet-A mobile. Both sides
// alternate.
//   node bench/training.ts [--help]
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { Failure, InputError } from '../src/failure.ts';
import { type Arrangement, arrangementsOn, gpuName } from './training-arrangements.ts';
import { type CaseResult, measureCase } from './training-case.ts';
import { type Case, multiplyAddsOf } from './training-cases.ts';
import { findPython, help, parseOptions, type TrainingBenchOptions } from './training-options.ts';
import { sides } from './training-process.ts';
import { arrangements as arrangementRows, summary, verdictOf } from './training-table.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

/**
 * A rough estimate: PyTorch trains at 10 billion multiply-adds per second and core and uses one and a half cores in one
 * process; ours takes half the time; the processes of a case need 8 seconds to start.
 */
function expectedMinutes(
  { cases, repeats, steps }: TrainingBenchOptions,
  arrangements: readonly Arrangement[],
): number {
  const seconds = (each: Case) => {
    const work = (multiplyAddsOf(each) * each.batch * (each.mode === 'training' ? 3 : 1)) / 1e10;
    const made = repeats * (steps ?? each.steps) + 2;
    return 8 + 1.5 * made * work * arrangements.reduce((sum, { threads }) => sum + (threads > 1 ? 0.7 : 1), 0);
  };
  return cases.reduce((sum, each) => sum + seconds(each), 0) / 60;
}

async function run(options: TrainingBenchOptions): Promise<void> {
  const python = findPython();
  const both = sides(python);
  const arrangements = arrangementsOn(python, options.arrangements);
  if (arrangements.length === 0) throw new InputError('--arrangement: expected one of the device, got only others');
  const onGpu = options.arrangements.device === 'cuda';
  const minutes = onGpu
    ? ''
    : `, about ${Math.ceil(expectedMinutes(options, arrangements))} minutes on a quiet machine`;
  say(`${options.cases.length} cases${minutes}; nasnet / PyTorch in each turn`);
  const results: CaseResult[] = [];
  for (const each of options.cases) {
    const result = await measureCase(each, both, arrangements, { ...options, say });
    results.push(result);
    const { parameters, losses } = result.agreement;
    const lossWords = losses.map((pair) => pair.map((loss) => loss.toPrecision(5)).join(' / ')).join(', ');
    say(
      `${each.name}: ${verdictOf(result).ratio.toFixed(2)}×; ${parameters} parameters on both sides; losses ${lossWords}`,
    );
  }
  const processor = cpus()[0]?.model.trim();
  const gpu = onGpu ? gpuName(python) : undefined;
  const machine = { processor, cores: availableParallelism(), ...(gpu && { gpu }), node: process.version };
  const [ours, peer] = results[0]!.agreement.versions;
  console.log(
    `${gpu ? `${gpu}, ` : ''}${processor}, ${machine.cores} cores; nasnet on libtorch ${ours}, PyTorch ${peer}`,
  );
  console.log(`images per second, medians of ${options.repeats} turns; each side in its best arrangement\n`);
  console.log([...summary(results), '', ...arrangementRows(results)].join('\n'));
  const { cases, ...others } = options;
  const document = { machine, options: { ...others, cases: cases.map(({ name }) => name) }, results };
  if (options.json) writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await run(options);
  else console.log(help);
} catch (error) {
  if (!(error instanceof InputError || error instanceof Failure)) throw error;
  process.stderr.write(`bench/training: ${error.message}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
}
