// Puts flags into error messages: lower folders name an option in words and give the error a code; here those words
// become the flag.

import { Failure, InputError, Interruption } from '../failure.ts';
import { programName } from './terminal/program-name.ts';

/** By the error's code: words of its sentence, and the flags that replace them. */
const typed: Readonly<Record<string, readonly (readonly [words: string, flag: string])[]>> = {
  'unknown-device': [['device: ', '--device: ']],
  'no-gpu': [
    ['device: ', '--device: '],
    ['the device cpu', '--device cpu'],
  ],
  'dataset-not-downloaded': [['the official files (', 'the official files with --data DIR (']],
  'no-class-folders': [['name that file', 'add --labels FILE']],
  'label-order': [
    ['label order: ', '--label-order: '],
    ['the order sorted-from-1', '--label-order sorted-from-1'],
    ['state the order devkit', 'add --label-order devkit'],
  ],
  'none-within-limits': [['report architectures beyond them to the strategy', 'add --over-limit penalise']],
  'impossible-limit': [
    ['most parameters: ', '--max-parameters: '],
    ['most multiply-adds: ', '--max-multiply-adds: '],
    ['most memory: ', '--max-memory: '],
    ['most latency: ', '--max-latency: '],
  ],
  'result-exists': [['let it be replaced', 'replace it with --overwrite']],
  'evaluator-of-own-training': [
    ['evaluator: ', '--evaluator: '],
    ['name another file', 'name another file with --study'],
  ],
  'no-evaluator': [
    ['"tell"', `"${programName} tell"`],
    ['a new evaluator', '--evaluator with --change-evaluator'],
  ],
  'replica-refused': [
    ['rendezvous: ', '--rendezvous: '],
    ['replicas: ', '--replicas: '],
    ['rank: ', '--rank: '],
  ],
  'queue-address': [['queue: ', '--queue: ']],
  'other-evaluator': [
    ['evaluator: ', '--evaluator: '],
    ['leave to change it', '--change-evaluator'],
  ],
  'nasnet-evaluates': [['whose trials are evaluated outside nasnet', 'of "ask --create" or "search --evaluator"']],
  'outcome-missing': [['the longest open one can be returned again', '--again returns the longest open one']],
  'no-classifier': [['a number N of classes', '--classes N']],
  'too-little-memory': [
    [
      'a smaller batch, one in more parts, smaller images, fewer filters or cells take less',
      'a smaller --batch-size, a larger --accumulate, a smaller --size, --filters or N takes less',
    ],
    ['the prediction can be ignored', '--ignore-memory starts anyway'],
  ],
  'model-size': [['F, the filters', '--filters F']],
  'images-changed': [['in another file', 'in another file with --study']],
  'image-side': [['final network: ', '--final-size: ']],
  'image-size': [['size: ', '--size: ']],
  'conflicting-boxes': [['or accept this', 'or accept this with --mend']],
  'unclear-boxes': [
    ['name the format or a file', 'name the format with --from-format (convert) or --format, or name a file'],
  ],
  'runtime-missing': [['without verification', 'without verification (--no-verify)']],
};

/** Returns the sentence of an error as the command line prints it. */
export function typedSentence(error: Error): string {
  const code =
    error instanceof InputError || error instanceof Failure || error instanceof Interruption ? error.code : '';
  const pairs = typed[code ?? ''] ?? [];
  return pairs.reduce((sentence, [words, flag]) => sentence.replace(words, flag), error.message);
}
