// Parsers of flags for commander. They throw an InputError with one sentence.

import { InputError } from '../../failure.ts';
import { type largest, within } from '../../largest.ts';

/** Parses a whole number of at least 1, and at most the limit of `size` in largest.ts. */
export function wholeNumber(flag: string, size?: keyof typeof largest): (text: string) => number {
  return (text) => {
    if (size && /^[1-9]\d*$/.test(text)) return within(size, Number(text), flag);
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw new InputError(`${flag}: expected a whole number of at least 1, got ${JSON.stringify(text)}`);
  };
}

/** Parses a whole number of at least 0. */
export function countFromZero(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new InputError(`${flag}: expected a whole number, got ${JSON.stringify(text)}`);
  };
}

const magnitudes: Record<string, number> = { '': 1, K: 1e3, M: 1e6, G: 1e9, B: 1e9 };

/** Parses a count of at least 1, such as 3346538, 3.3M, 564M or 23.8B. */
export function quantity(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, letter] = /^(\d[\d_,]*(?:\.\d+)?)([KMGB]?)$/i.exec(text) ?? [];
    const value =
      digits === undefined ? 0 : Math.round(Number(digits.replace(/[_,]/g, '')) * magnitudes[letter!.toUpperCase()]!);
    if (value >= 1) return value;
    throw new InputError(`${flag}: expected a count such as 3346538, 3.3M or 23.8B, got ${JSON.stringify(text)}`);
  };
}

/** Parses a number above 0, and at most the limit of `size` in largest.ts. */
export function positiveNumber(flag: string, size?: keyof typeof largest): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value > 0) return size ? within(size, value, flag) : value;
    throw new InputError(`${flag}: expected a number above 0, got ${JSON.stringify(text)}`);
  };
}

/** Parses a number of at least 0. */
export function numberFromZero(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
    throw new InputError(`${flag}: expected a number of at least 0, got ${JSON.stringify(text)}`);
  };
}

/** Parses a whole number of at least 2. */
export function reductionFactor(flag: string): (text: string) => number {
  return (text) => {
    const value = wholeNumber(flag)(text);
    if (value >= 2) return value;
    throw new InputError(`${flag}: expected a whole number of at least 2, got ${text}`);
  };
}

/** Parses a number from 0 to 1. */
export function share(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= 0 && value <= 1) return value;
    throw new InputError(`${flag}: expected a share from 0 to 1 such as 0.05, got ${JSON.stringify(text)}`);
  };
}

/** Parses `32`, or `32x48` for height and width. */
export function imageSize(text: string): number | [number, number] {
  const parts = /^([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?$/.exec(text);
  if (!parts)
    throw new InputError(`--input: expected a size in pixels such as 32 or 32x48, got ${JSON.stringify(text)}`);
  const sides = parts
    .slice(1, 3)
    .filter(Boolean)
    .map((side) => within('pixels', Number(side), '--input'));
  return sides.length === 2 ? [sides[0]!, sides[1]!] : sides[0]!;
}

const byteUnits: Record<string, number> = {
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  KI: 2 ** 10,
  MI: 2 ** 20,
  GI: 2 ** 30,
  TI: 2 ** 40,
};

/** Parses bytes such as 800M, 2G, 1.5GiB; units are decimal unless they have an i. */
export function byteSize(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?)([KMGT]i?)B?$/i.exec(text) ?? [];
    const bytes = unit === undefined ? 0 : Math.round(Number(digits) * byteUnits[unit.toUpperCase()]!);
    if (bytes >= 1) return bytes;
    throw new InputError(`${flag}: expected a size such as 800M or 2G, got ${JSON.stringify(text)}`);
  };
}

/** Parses the name of a file of weights to write, with the ending by which every command recognises one. */
export function weightsFile(flag: string): (text: string) => string {
  return (text) => {
    if (/.\.safetensors$/i.test(text)) return text;
    throw new InputError(`${flag}: expected a file name that ends with .safetensors, got ${JSON.stringify(text)}`);
  };
}

const timeUnits: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses a time such as 90s, 10m or 2h into seconds; a number without a unit is in seconds. */
export function timeSpan(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, unit = ''] = /^(\d{1,9}(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
    if (digits !== undefined) return Number(digits) * timeUnits[unit]!;
    throw new InputError(`${flag}: expected a time such as 90s, 10m or 2h, got ${JSON.stringify(text)}`);
  };
}
