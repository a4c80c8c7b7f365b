// Image files of one colour, for tests.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

export type Colour = readonly [red: number, green: number, blue: number];

export const colours = {
  red: [220, 60, 60],
  green: [60, 220, 60],
  blue: [60, 60, 220],
} as const satisfies Record<string, Colour>;

export type ColourName = keyof typeof colours;

/** Writes a PNG or JPEG of one colour, and the folders above it. */
export async function paint(path: string, [r, g, b]: Colour, width = 20, height = 16): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: { r, g, b } } }).toFile(path);
}

/** Paints each `folder/<path>` in its colour; 'broken' writes a file that is not an image. */
export async function paintAll(folder: string, pictures: Record<string, ColourName | 'broken'>): Promise<string> {
  for (const [name, colour] of Object.entries(pictures)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (colour === 'broken') writeFileSync(path, 'no picture');
    else await paint(path, colours[colour]);
  }
  return folder;
}

/**
 * Paints `folder/dark` and `folder/light`: two classes that any network tells apart, of different square pictures each.
 */
export async function paintDarkAndLight(folder: string, { count, side }: { count: number; side: number }) {
  for (const [name, red] of Object.entries({ dark: 40, light: 200 }))
    for (let index = 0; index < count; index++)
      await paint(join(folder, name, `${index}.png`), [red, Math.floor((120 / count) * index), 90], side, side);
}
