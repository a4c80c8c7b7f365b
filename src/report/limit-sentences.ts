// Sentences about what a search was limited to, how well it foretold its children, and whether the final network keeps to it.

import type { FinalLatency, PredictionRecord } from '../study/results.ts';
import type { Limits } from '../study/settings.ts';
import { bytesWords, millisecondsWords, percent, whole } from '../words.ts';

export function limitSentence(limits: Limits): string {
  const beyond = limits.beyond === 'resample' ? 'another was sampled in place of' : 'without training failed';
  return `Cells were limited to ${limitWords(limits).join('; ')}; ${beyond} what was beyond.`;
}

export function latencySentence({ milliseconds, foretold, machine }: FinalLatency, limits: Limits): string {
  const most = limits.latency!.milliseconds;
  const kept = milliseconds <= most ? 'within' : 'beyond';
  return `It takes ${millisecondsWords(milliseconds)} for one image on one thread of ${machine}, ${kept} the limit of ${millisecondsWords(most)} (predicted: ${millisecondsWords(foretold)}).`;
}

/** Undefined before any child is finished. */
export function predictionSentence({ children, error }: PredictionRecord): string | undefined {
  if (!error?.seconds) return undefined;
  const memory = error.memory ? `, and those of worker memory within ${percent(error.memory.median, 0)}` : '';
  return `Half of the predictions of training time were within ${percent(error.seconds.median, 0)} for the latest ${whole(Math.min(children, error.seconds.of))} children${memory}.`;
}

/** The limits in words, one for each: "at most 800,000 parameters in the final network". */
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
  return words.map((each) => `at most ${each}`);
}
