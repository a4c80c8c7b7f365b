// Scales, ticks and colours of the charts.

/** Round numbers between two values, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

const second = 1000; // milliseconds
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Round times between two times of the reader's clock, about `count` of them. */
export function timeTicks(from: number, to: number, count: number): number[] {
  const step = second * (timeSteps.find((size) => size * second >= (to - from) / count) ?? 86_400);
  const offset = new Date(from).getTimezoneOffset() * 60 * second;
  const first = Math.ceil((from - offset) / step) * step + offset;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, index) => first + index * step);
}

/** A colour of the style sheet as [red, green, blue]. */
export type Rgb = readonly [number, number, number];

const known = new Map<string, Rgb>();

/** Reads a custom property such as `--s1` of the page's theme. */
export function colour(name: string): Rgb {
  const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const key = `${theme} ${name}`;
  const found = known.get(key);
  if (found) return found;
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const canvas = new OffscreenCanvas(1, 1).getContext('2d')!;
  canvas.fillStyle = text || '#888';
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  const rgb: Rgb = [red!, green!, blue!];
  known.set(key, rgb);
  return rgb;
}

export const css = ([red, green, blue]: Rgb, alpha = 1): string => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** Names of the series' colours (Okabe and Ito), in order. */
export const seriesColours = ['--s1', '--s2', '--s3', '--s4', '--s5', '--s6'];
export const seriesColour = (index: number): string => seriesColours[index % seriesColours.length]!;

const viridis: readonly Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** The colour of a share from 0 to 1. */
export function heat(share: number): Rgb {
  const at = Math.max(0, Math.min(1, share)) * (viridis.length - 1);
  const below = Math.min(viridis.length - 2, Math.floor(at));
  const [from, to] = [viridis[below]!, viridis[below + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (at - below));
  return [mix(0), mix(1), mix(2)];
}

/** Shapes of points, so that no series is told by its colour alone. */
export const shapes = ['circle', 'square', 'diamond', 'triangle', 'cross', 'ring'] as const;
export type Shape = (typeof shapes)[number];
export const shapeOf = (index: number): Shape => shapes[index % shapes.length]!;

/** Dashes of lines. */
export const dashes: readonly number[][] = [[], [6, 4], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2]];
