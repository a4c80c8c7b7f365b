// Figures in words for the page; words.ts has those of the whole project.

import { bytesWords, duration, millisecondsWords, percent, roughly, whole } from '../../words.ts';

export { bytesWords, duration, percent, roughly, whole };

/** A reward from 0 to 1 as a percentage; other rewards as they are. */
export const rewardWords = (reward: number, digits = 2): string =>
  Number.isNaN(reward)
    ? '–'
    : reward >= 0 && reward <= 1
      ? percent(reward, digits)
      : Number(reward.toPrecision(5)).toString();

/** "3.3 M", "46 k". */
export function short(value: number): string {
  if (Number.isNaN(value)) return '–';
  const [size, unit] = (
    [
      [1e9, ' G'],
      [1e6, ' M'],
      [1e3, ' k'],
    ] as const
  ).find(([size]) => Math.abs(value) >= size) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}

export const seconds = (value: number): string => {
  if (Number.isNaN(value)) return '–';
  return value < 10 ? `${Number(value.toPrecision(2))} s` : duration(value);
};

export const bytes = (value: number): string => (Number.isNaN(value) ? '–' : bytesWords(value));

export const milliseconds = (value: number): string => (Number.isNaN(value) ? '–' : millisecondsWords(value));

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const day = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
});

const clockWithSeconds = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export const clockTime = (time: number): string => clock.format(time);
export const exactTime = (time: number): string => clockWithSeconds.format(time);
export const dayTime = (time: number): string => (Number.isNaN(time) ? '–' : day.format(time));

/** "12 s ago", "3 min ago". */
export const ago = (time: number, now = Date.now()): string => `${duration(Math.max(0, (now - time) / 1000))} ago`;

/** "1 child", "12 children", "3 trials". */
export const plural = (count: number, noun: string): string =>
  `${whole(count)} ${count === 1 ? noun : noun === 'child' ? 'children' : `${noun}s`}`;
