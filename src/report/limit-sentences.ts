// Sentences about the limits of a search, the accuracy of its predictions, and whether the final network is within the
// limits.

import type { FinalLatency, PredictionRecord } from '../study/results.ts';
import type { Limits } from '../study/settings.ts';
import { bytesWords, millisecondsWords, percent, whole } from '../words.ts';

export function limitSentence(limits: Limits): string {
  const beyond = limits.beyond === 'resample' ? 'were sampled again' : 'failed without training';
  return `Cells were limited to ${limitWords(limits).join('; ')}; those beyond the limits ${beyond}.`;
}

export function latencySentence({ milliseconds, foretold, machine }: FinalLatency, limits: Limits): string {
  const limit = limits.latency!.milliseconds;
  const relation = milliseconds <= limit ? 'within' : 'beyond';
  return `It takes ${millisecondsWords(milliseconds)} for one image on one thread of ${machine}, ${relation} the limit of ${millisecondsWords(limit)} (predicted: ${millisecondsWords(foretold)}).`;
}

/** Returns a sentence about the errors of predictions; undefined before any child has finished. */
export function predictionSentence({ children, error }: PredictionRecord): string | undefined {
  if (!error?.seconds) return undefined;
  const memory = error.memory ? `, and those of worker memory within ${percent(error.memory.median, 0)}` : '';
  return `Half of the predictions of training time were within ${percent(error.seconds.median, 0)} for the latest ${whole(Math.min(children, error.seconds.of))} children${memory}.`;
}

/** Returns each limit in words: "at most 800,000 parameters in the final network". */
export function limitWords({ parameters, multiplyAdds, memory, latency }: Limits): string[] {
  const words: string[] = [];
  if (parameters !== undefined) words.push(`${whole(parameters)} parameters in the final network`);
  if (multiplyAdds !== undefined) words.push(`${whole(multiplyAdds)} multiply-adds in it for one image`);
  if (memory) words.push(`${bytesWords(memory.bytes)} of memory in the worker that trains a child`);
  if (latency) {
    const { milliseconds, error, measured, machine } = latency;
    words.push(
      `${millisecondsWords(milliseconds)} for one image in the final network on one thread of ${machine} (predicted to ${Math.round(100 * error)}%, the median error on ${measured} networks that were timed)`,
    );
  }
  return words.map((limit) => `at most ${limit}`);
}
