// Tests and measures a GPU in stages of less than ten minutes: compiles the addon against this machine's PyTorch,
// compares the engine and trainings on the GPU with the CPU, measures trainings against PyTorch, and several children
// at once.
// Stops at the first stage that fails, with the reason.
//   node bench/gpu.ts [build|test|bench|compile|more|children]...     (default: build, test, bench, children)
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Report, SetupFailure } from '../scripts/setup/step.mjs';
import { Failure, InputError } from '../src/failure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The folder for figures as JSON. */
const results = process.env.OUT ?? join(root, 'build/gpu');
const say = (line: string) => process.stderr.write(`${line}\n`);

function run(command: string, words: string[], environment: NodeJS.ProcessEnv = {}): void {
  const { status, signal, error } = spawnSync(command, words, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error) throw new Failure(`${command} cannot be run: ${error.message}`);
  if (status !== 0) throw new Failure(`${command} ${words.join(' ')}: ended with ${signal ?? `exit code ${status}`}`);
}

const node = (words: string[], environment?: NodeJS.ProcessEnv) => run(process.execPath, words, environment);

function training(name: string, words: string[]): void {
  node(['bench/training.ts', '--device', 'cuda', ...words, '--json', join(results, `${name}.json`)]);
}

const only = (names: string[], flag: string) => names.flatMap((name) => [flag, name]);

const stages: Record<string, () => Promise<void> | void> = {
  async build() {
    run('nvidia-smi', ['--query-gpu=name,driver_version,memory.total,memory.free', '--format=csv']);
    run('python3', [
      '-c',
      'import torch; print("PyTorch", torch.__version__, "CUDA", torch.version.cuda, torch.cuda.get_device_name(0))',
    ]);
    const { buildAddon, currentAddon } = await import('../scripts/setup/addon.mjs');
    if (!currentAddon()) await buildAddon(new Report(), process.execPath);
    const { devices } = await import('../src/engine/machine.ts');
    const { capturesGraphs } = await import('../src/engine/cuda-graph.ts');
    if (!devices().includes('cuda:0')) throw new Failure(`the addon sees ${devices().join(', ')} and no GPU`);
    if (!capturesGraphs('cuda:0'))
      throw new Failure(
        'the addon was compiled without CUDA: its headers were not found (see scripts/setup/cuda.mjs for the searched folders)',
      );
    say(`the addon sees ${devices().join(', ')} and captures graphs`);
  },
  test() {
    // Full float32: a GPU's faster products round to 19 bits.
    node(['--test', 'test/engine/cuda.test.ts', 'test/train/cuda.test.ts', 'test/train/device-steps.test.ts'], {
      NVIDIA_TF32_OVERRIDE: '0',
      NASNET_TEST_DEVICE: 'cuda:0',
    });
  },
  bench: () => training('bench', ['--case', 'paper', ...only(['eager', 'autocast', 'graph'], '--peer')]),
  compile() {
    training('compile', ['--case', 'paper', '--arrangement', 'GPU', ...only(['compile', 'compile-graph'], '--peer')]);
  },
  more() {
    const cases = ['nasnet-a', 'final', 'random-0', 'random-1', 'random-2', 'random-3', 'mobile-1', 'mobile-32'];
    training('more', [...only(cases, '--case'), '--arrangement', 'GPU', ...only(['autocast', 'graph'], '--peer')]);
  },
  children: () => node(['bench/gpu-children.ts', '--json', join(results, 'children.json')]),
};

try {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !Object.hasOwn(stages, name));
  if (unknown) throw new InputError(`expected some of ${Object.keys(stages).join(', ')}, got ${unknown}`);
  mkdirSync(results, { recursive: true });
  for (const name of names.length > 0 ? names : ['build', 'test', 'bench', 'children']) {
    const start = performance.now();
    await stages[name]!();
    say(`${name}: done after ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
} catch (error) {
  if (error instanceof SetupFailure) say(error.describe());
  else if (error instanceof Failure || error instanceof InputError) say(`bench/gpu.ts: ${error.message}`);
  else throw error;
  process.exitCode = error instanceof InputError ? 2 : 1;
}
