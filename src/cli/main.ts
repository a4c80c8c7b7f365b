// The command line: parses the arguments, loads the command, and turns errors into one sentence and an exit code.
// `--help` loads no command's file and a command only its own, so both start quickly.

import { Command, CommanderError } from 'commander';
import { joinBestOf } from '../best-of.ts';
import { Failure, InputError, Interruption } from '../failure.ts';
import { nasnetVersion } from '../version.ts';
import { visible } from '../visible.ts';

/**
 * Exit codes (docs/command-line.md): 0 done, 1 failed, 2 wrong usage or bad input; 130 and 143 interrupted with the
 * state saved.
 */
const exitCodes = { done: 0, failed: 1, badInput: 2 } as const;

/** A command: its entry in `nasnet --help`, and its module. */
interface Entry {
  /** Its arguments, as in its own help. */
  takes: string;
  /** Its description. test/cli/main.test.ts compares both with the command's file. */
  about: string;
  load: () => Promise<(program: Command, words: readonly string[]) => void | Promise<void>>;
}

/** All commands, in the order of the help. A command's file is loaded only when it is called. */
export const commands: Record<string, Entry> = {
  search: {
    takes: '[options]',
    about: 'search cells, race the best ones, train and test a larger network of the winner; run again to resume',
    load: async () => (await import('./search/search.ts')).registerSearch,
  },
  worker: {
    takes: '[options]',
    about: 'train children of searches on other machines, which share a queue',
    load: async () => (await import('./worker/join-queue.ts')).registerWorker,
  },
  queue: {
    takes: '[options] [command]',
    about: 'searches and workers that share a queue: see them, stop them',
    load: async () => (await import('./queue.ts')).registerQueue,
  },
  show: {
    takes: '[options] <study>',
    about: 'best cells, rewards and progress of a study; also while it is searched',
    load: async () => (await import('./show.ts')).registerShow,
  },
  dashboard: {
    takes: '[options] [study...]',
    about: 'studies in a browser: live beside a running search, or after it; prints the address',
    load: async () => (await import('./dashboard.ts')).registerDashboard,
  },
  ask: {
    takes: '[options] <study>',
    about: 'the next trial of a study, for scripts that evaluate it themselves and report its reward',
    load: async () => (await import('./ask.ts')).registerAsk,
  },
  tell: {
    takes: '[options] <study> <trial> [reward]',
    about: 'report the reward of a trial that "ask" returned, or its failure',
    load: async () => (await import('./tell.ts')).registerTell,
  },
  report: {
    takes: '[options] [study...]',
    about:
      'a study as one page with its curves, its best cells as pictures and architecture files, and as a page to explore',
    load: async () => (await import('./report.ts')).registerReport,
  },
  evaluate: {
    takes: '[options] <model> [images]',
    about: 'accuracy and loss of a network on CIFAR-10, ImageNet or a folder of images; run again to resume',
    load: async () => (await import('./evaluate.ts')).registerEvaluate,
  },
  classify: {
    takes: '[options] <model> <images...>',
    about: 'the most probable classes of images, by a trained or imported network',
    load: async () => (await import('./classify.ts')).registerClassify,
  },
  train: {
    takes: '[options] [model]',
    about: 'train one architecture at any size, test it, save its weights; run again to resume',
    load: async () => (await import('./train.ts')).registerTrain,
  },
  prepare: {
    takes: '[options] <source>',
    about: 'write pictures once as training reads them fastest: scaled down, shuffled, in shards with checksums',
    load: async () => (await import('./prepare.ts')).registerPrepare,
  },
  transfer: {
    takes: '[options] <study>',
    about: 'the best cells of a study as larger networks: sized, trained briefly, the best one trained on',
    load: async () => (await import('./transfer/transfer.ts')).registerTransfer,
  },
  detect: {
    takes: '[options] <part>',
    about: 'objects in pictures: train, evaluate and run detectors; detections compared with the truth',
    load: async () => (await import('./detect/detect.ts')).registerDetect,
  },
  convert: {
    takes: '[options] <from> <to>',
    about: 'pictures with boxes between COCO, Pascal VOC and YOLO, with a report of their faults',
    load: async () => (await import('./detect/convert.ts')).registerConvert,
  },
  import: {
    takes: '[options] <file>',
    about: 'published NASNet-A weights (Keras, timm, Cadene) as a model file',
    load: async () => (await import('./import.ts')).registerImport,
  },
  export: {
    takes: '[options] <model>',
    about: 'a network as ONNX, PyTorch, a page for the browser, safetensors or JSON',
    load: async () => (await import('./export/export.ts')).registerExport,
  },
  profile: {
    takes: '[options] [model]',
    about: 'shapes, parameters and multiply-adds of a network, and how long it takes here',
    load: async () => (await import('./profile/profile.ts')).registerProfile,
  },
  draw: {
    takes: '[options] <cell>',
    about: "the normal and the reduction cell as a picture like the paper's Figure 4",
    load: async () => (await import('./draw.ts')).registerDraw,
  },
  simulate: {
    takes: '[options]',
    about: 'strategies on a simulated clock and simulated rewards: how they learn, and what many workers cost',
    load: async () => (await import('./simulate.ts')).registerSimulate,
  },
  doctor: {
    takes: '[options]',
    about: 'what this machine has and lacks; exits 1 if something needed is missing',
    load: async () => (await import('./doctor.ts')).registerDoctor,
  },
};

/** Runs one command line (`words` without the program's name) and returns the exit code. bin/nasnet calls it. */
export async function main(words: string[]): Promise<number> {
  const program = new Command('nasnet')
    .description('Neural architecture search for images: finds convolutional cells and builds networks from them.')
    .version(nasnetVersion())
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false, subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .addHelpText(
      'after',
      '\nStart here: nasnet search            (CIFAR-10, about eight minutes, planned on your machine)\nHelp of a command: nasnet COMMAND --help',
    )
    .exitOverride()
    .hook('preAction', (_program, command) => refuseEmpty(command));
  const typed = joinBestOf(words);
  const named = typed.find((word) => Object.hasOwn(commands, word));
  for (const [name, { takes, about, load }] of Object.entries(commands)) {
    if (name === named) await (await load())(program, words);
    else program.command(name).usage(takes).description(about);
  }
  try {
    await program.parseAsync(typed, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    return explain(error);
  }
}

/** Refuses options without a value, such as of a shell variable that is not set. @throws InputError */
function refuseEmpty(command: Command): void {
  for (const option of command.options)
    if (command.getOptionValue(option.attributeName()) === '' && option.long !== '--title')
      throw new InputError(`${option.long}: expected a value, got an empty one`);
}

async function explain(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  const { typedSentence } = await import('./flag-words.ts');
  if (error instanceof Interruption) {
    const { interruptedExitCode } = await import('./terminal/interrupt.ts');
    return say(typedSentence(error), interruptedExitCode());
  }
  if (error instanceof InputError) return say(typedSentence(error), exitCodes.badInput);
  if (error instanceof Failure) return say(typedSentence(error), exitCodes.failed);
  const { systemFailure } = await import('../system-error.ts');
  const refused = systemFailure(error) ?? memoryFailure(error);
  if (refused) return explain(refused);
  return say(error instanceof Error ? (error.stack ?? error.message) : String(error), exitCodes.failed);
}

/** Returns out-of-memory errors of the engine and of V8 as a Failure; undefined for any other error. */
function memoryFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const lacks =
    (error as { kind?: unknown }).kind === 'out-of-memory' || /^Array buffer allocation failed/.test(error.message);
  if (!lacks) return undefined;
  return new Failure(`out of memory (${error.message}): smaller batches, images or networks need less`);
}

function say(sentence: string, code: number): number {
  process.stderr.write(`nasnet: ${sentence.split('\n').map(visible).join('\n')}\n`); // a stack trace has several lines
  return code;
}
