// Draws boxes over a picture as SVG: what was missed, what is wrong, what is right.

import type { Box } from '../coco/box.ts';
import { htmlText } from '../html-parts.ts';

export interface DrawnBox extends Box {
  label: string;
  kind: 'missed' | 'wrong' | 'right';
}

export interface DrawnPicture {
  title: string;
  width: number;
  height: number;
  /** The picture as a data URI; absent if it cannot be read. */
  image?: string | undefined;
  boxes: readonly DrawnBox[];
}

/** Returns SVG in pixels of the picture. Colours are classes of the page's style. */
export function drawPicture({ title, width, height, image, boxes }: DrawnPicture): string {
  // pixels, so that labels are read at 600 on screen
  const letter = Math.max(9, Math.round(Math.max(width, height) / 45));
  const background = `<rect width="${width}" height="${height}" class="empty"/>`;
  const picture = image && `<image href="${image}" width="${width}" height="${height}" preserveAspectRatio="none"/>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${htmlText(title)}" font-size="${letter}">${picture ?? background}${boxes.map((box) => drawBox(box, letter)).join('')}</svg>`;
}

function drawBox({ x, y, width, height, label, kind }: DrawnBox, letter: number): string {
  const sides = `x="${decimals(x)}" y="${decimals(y)}" width="${decimals(Math.max(width, 0))}" height="${decimals(Math.max(height, 0))}"`;
  const top = y > letter * 1.2 ? y - letter * 0.3 : y + letter; // above the box, or within it at the upper edge
  const words =
    kind === 'right'
      ? ''
      : `<text x="${decimals(Math.max(x, 0) + 2)}" y="${decimals(top)}" class="${kind}">${htmlText(label)}</text>`;
  return `<g><title>${htmlText(label)}</title><rect ${sides} class="box ${kind}"/>${words}</g>`;
}

const decimals = (value: number): string => String(Number(value.toFixed(1)));
