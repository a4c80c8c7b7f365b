// Formats numbers for tables, pages and displays.

/** Formats a fraction: 0.4821 as "48.2%". */
export function percent(fraction: number, digits = 1): string {
  return `${(100 * fraction).toFixed(digits)}%`;
}

/** Formats a fraction with its uncertainty: "45.12 ± 0.80%". */
export const percentWithin = (fraction: number, uncertainty: number, digits = 1): string =>
  `${(100 * fraction).toFixed(digits)} ± ${percent(uncertainty, digits)}`;

/** Formats a count: "3,346,538". */
export const whole = (count: number): string => Math.round(count).toLocaleString('en-US');

/** Formats an epoch, which may be a partial one: "3", "13.81". */
export const epochWord = (epoch: number): string => `${Number(epoch.toFixed(2))}`;

/** Says how large the images of an accuracy are: " at 16 × 16 pixels"; nothing for those of full size. */
export const atSide = (side: number | undefined): string => (side === undefined ? '' : ` at ${side} × ${side} pixels`);

/** Returns seconds in minutes (60) or hours (3,600), without the digits that only rounding made. */
export const inUnits = (seconds: number, unit: number): number => Number((seconds / unit).toPrecision(12));

/** Formats a rate: "8.3", "1,024". */
export const rate = (perSecond: number): string => (perSecond < 10 ? perSecond.toFixed(1) : whole(perSecond));

/** Formats seconds in up to two units: "8 s", "3 min 10 s", "2 h 5 min", "4 d 3 h". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** Formats bytes in decimal units, as --max-memory does: "812 MB", "2.1 GB". */
export function bytesWords(bytes: number): string {
  return bytes < 1e9
    ? `${Math.ceil(bytes / 1e6)} MB`
    : `${(Math.ceil(bytes / 1e7) / 100).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

/** Formats milliseconds: "3.42 ms". */
export const millisecondsWords = (value: number): string => `${Number(value.toPrecision(3))} ms`;

/** Formats seconds to two digits in one unit: "0.4 s", "3 min", "2.1 h", "880 days". */
export function roughly(seconds: number): string {
  const units: [number, string][] = [
    [2 * 86_400, 'days'],
    [2 * 3600, 'h'],
    [100, 'min'],
  ];
  const sizes: Record<string, number> = { days: 86_400, h: 3600, min: 60, s: 1 };
  const unit = units.find(([least]) => seconds >= least)?.[1] ?? 's';
  return `${twoDigits(seconds / sizes[unit]!)} ${unit}`;
}

/** Rounds a positive number up to two digits. */
export function upToTwoDigits(value: number): number {
  const digit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / digit - 1e-9) * digit).toPrecision(2));
}

/** Formats a number to two digits with thousands separated. */
const twoDigits = (value: number): string => Number(value.toPrecision(2)).toLocaleString('en-US');
