// `nasnet detect`: what it can do with boxes. A part's file is loaded only when it is called.

import type { Command } from 'commander';

interface Entry {
  /** Its arguments, as in its own help. */
  takes: string;
  about: string;
  load: () => Promise<(detect: Command) => void>;
}

/** All parts, in the order of the help. test/cli/detect/detect.test.ts compares them with their files. */
export const detectCommands: Record<string, Entry> = {
  train: {
    takes: '[options] <model>',
    about: 'train a detector on pictures with boxes, evaluate it, keep its weights; run again to resume',
    load: async () => (await import('./train-detector.ts')).registerTrainDetector,
  },
  evaluate: {
    takes: '[options] [model]',
    about: "COCO's twelve numbers, precision and recall of each class, the worst pictures",
    load: async () => (await import('./evaluate-detections.ts')).registerEvaluateDetections,
  },
  run: {
    takes: '[options] <model> <pictures...>',
    about: 'find objects in pictures; boxes drawn, and as JSON; run again to resume',
    load: async () => (await import('./run-detector.ts')).registerRunDetector,
  },
  export: {
    takes: '[options] <model>',
    about: 'a detector as an ONNX file or a page for the browser, compared with the engine',
    load: async () => (await import('./export-detector.ts')).registerExportDetector,
  },
  profile: {
    takes: '[options] <model>',
    about: 'parameters, multiply-adds, memory and milliseconds a picture of a detector',
    load: async () => (await import('./profile-detector.ts')).registerProfileDetector,
  },
};

const examples = `
Each part explains itself: nasnet detect PART --help`;

export async function registerDetect(program: Command, words: readonly string[] = []): Promise<void> {
  const detect = program
    .command('detect')
    .usage('[options] <part>')
    .description('objects in pictures: train, evaluate and run detectors; detections compared with the truth')
    .addHelpText('after', examples);
  const named = words.find((word) => Object.hasOwn(detectCommands, word));
  for (const [name, { takes, about, load }] of Object.entries(detectCommands)) {
    if (name === named) (await load())(detect);
    else detect.command(name).usage(takes).description(about);
  }
}
