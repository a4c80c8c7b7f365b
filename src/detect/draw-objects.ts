// A picture with the objects that were found, as an SVG file that holds the picture, or painted on it as PNG.

import { openImage } from '../data/prepare-image.ts';

/** An object to draw, in pixels of the upright picture. */
export interface DrawnObject {
  x: number;
  y: number;
  width: number;
  height: number;
  label: string;
  /** A colour for each category. */
  category: number;
}

const colours = [
  '#e11d48', '#2563eb', '#16a34a', '#d97706', '#7c3aed', '#0891b2', '#db2777', '#65a30d', '#ea580c', '#4f46e5',
]; // biome-ignore format: a table

/** Returns the SVG text of a picture with boxes and labels. @throws an Error if it cannot be read */
export async function drawObjects(path: string, objects: readonly DrawnObject[]): Promise<string> {
  const { image, width, height } = await openImage(path);
  const jpeg = await image.jpeg({ quality: 90 }).toBuffer();
  const picture = `<image href="data:image/jpeg;base64,${jpeg.toString('base64')}" width="${width}" height="${height}"/>`;
  return svg(width, height, picture, objects);
}

/** Returns the picture with boxes and labels as PNG. @throws an Error if it cannot be read */
export async function paintObjects(path: string, objects: readonly DrawnObject[]): Promise<Buffer> {
  const { image, width, height } = await openImage(path);
  const { default: sharp } = await import('sharp');
  const upright = await image.png().toBuffer();
  const boxes = Buffer.from(svg(width, height, '', objects));
  return sharp(upright)
    .composite([{ input: boxes, top: 0, left: 0 }])
    .png()
    .toBuffer();
}

function svg(width: number, height: number, picture: string, objects: readonly DrawnObject[]): string {
  const line = Math.max(1, Math.min(width, height) / 250);
  const size = Math.max(9, Math.min(width, height) / 35);
  const drawn = [...objects].reverse().map((object) => box(object, line, size, width)); // the best on top
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="${size.toFixed(1)}">
${picture}
${drawn.join('\n')}
</svg>
`;
}

const glyphWidth = 0.56; // of a letter on average, in font sizes

function box({ x, y, width, height, label, category }: DrawnObject, line: number, size: number, most: number): string {
  const colour = colours[category % colours.length]!;
  const text = xmlText(label);
  const [wide, high] = [label.length * size * glyphWidth + size * 0.6, size * 1.3];
  const left = Math.max(0, Math.min(x, most - wide));
  const top = y >= high ? y - high : y;
  const at = (value: number) => value.toFixed(1);
  return (
    `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="none" stroke="${colour}" stroke-width="${at(line)}"/>` +
    `<rect x="${at(left)}" y="${at(top)}" width="${at(wide)}" height="${at(high)}" fill="${colour}"/>` +
    `<text x="${at(left + size * 0.3)}" y="${at(top + size)}" fill="#fff">${text}</text>`
  );
}

const xmlText = (text: string) =>
  text
    // Control characters are not allowed in XML at all.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
