// Settings with one number for both axes or one for each.

export function pairOf(value: number | readonly [number, number]): readonly [number, number];
export function pairOf(value: number | readonly number[]): readonly number[];
export function pairOf(value: number | readonly number[]): readonly number[] {
  return typeof value === 'number' ? [value, value] : value;
}
