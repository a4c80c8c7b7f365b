// Formats the results of bench/training.ts as tables: each side in its best arrangement, then every arrangement.
import { median } from './median.ts';
import type { CaseResult, Contestant } from './training-case.ts';

export interface Verdict {
  ours: Contestant;
  peer: Contestant;
  /**
   * The median ratio of adjacent turns if both sides are best in the same arrangement, otherwise the ratio of medians.
   */
  ratio: number;
  range: [lowest: number, highest: number];
}

/** Each side's best arrangement. */
export function verdictOf({ contestants }: CaseResult): Verdict {
  const best = (side: string) => {
    const own = contestants.filter((each) => each.side === side);
    return own.toSorted((one, other) => other.imagesPerSecond - one.imagesPerSecond)[0]!;
  };
  const [ours, peer] = [best('nasnet'), best('PyTorch')];
  const sameArrangement = ours.arrangement === peer.arrangement;
  const ratios = ours.turns.flatMap((turn, index) =>
    (sameArrangement ? [peer.turns[index]!] : peer.turns).map((other) => turn / other),
  );
  const ratio = sameArrangement ? median(ratios) : ours.imagesPerSecond / peer.imagesPerSecond;
  return { ours, peer, ratio, range: [Math.min(...ratios), Math.max(...ratios)] };
}

export function summary(results: readonly CaseResult[]): string[] {
  const rows = results.map((result) => row(result.about, verdictOf(result)));
  return [
    '| case | nasnet, images/s | PyTorch, images/s | ratio | lowest to highest | peak memory, MiB |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    ...overRandom(results),
  ];
}

function row(about: string, { ours, peer, ratio, range }: Verdict): string {
  const speed = (each: Contestant) => `${each.imagesPerSecond.toFixed(1)} (${howOf(each)})`;
  const memory = [ours, peer].map(({ peakMemory }) => peakMemory?.toFixed(0) ?? '–').join(' / ');
  const between = range.map((each) => each.toFixed(2)).join(' to ');
  return `| ${about} | ${speed(ours)} | ${speed(peer)} | ${ratio.toFixed(2)} | ${between} | ${memory} |`;
}

function overRandom(results: readonly CaseResult[]): string[] {
  const ratios = results.filter(({ name }) => name.startsWith('random-')).map((result) => verdictOf(result).ratio);
  if (ratios.length < 2) return [];
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  const least = Math.min(...ratios).toFixed(2);
  return ['', `${ratios.length} random architectures: ${mean.toFixed(2)} as geometric mean, the least ${least}`];
}

const howOf = ({ arrangement, variant, buffers }: Contestant) =>
  [arrangement, ...(variant === 'eager' ? [] : [variant]), ...(buffers ? [`buffers ${buffers}`] : [])].join(', ');

/**
 * Returns a row for every arrangement of every case; for the paper's child also children per hour, including the time
 * to compile.
 */
export function arrangements(results: readonly CaseResult[]): string[] {
  return [
    '| case | side | arrangement | images/s | one process at most, MiB | children an hour |',
    '| --- | --- | --- | --- | --- | --- |',
    ...results.flatMap(({ name, contestants }) =>
      contestants.map((each) => {
        const hour = name === 'paper' ? childrenAnHour(each).toFixed(2) : '–';
        const figures = [each.imagesPerSecond.toFixed(1), each.peakMemory?.toFixed(0) ?? '–', hour];
        return `| ${[name, each.side, howOf(each), ...figures].join(' | ')} |`;
      }),
    ),
  ];
}

const imagesPerChild = 20 * 45_000; // 20 epochs

/** Every child has another architecture and must be compiled or captured again. */
const childrenAnHour = ({ imagesPerSecond, atOnce, prepared }: Contestant) =>
  (3600 * atOnce) / ((imagesPerChild * atOnce) / imagesPerSecond + prepared);
