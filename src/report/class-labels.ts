// Names of classes as labels of a chart: as they are where they fit, else shortened so that no two look alike.

import { textWidth } from '../draw/palette.ts';

export interface ClassLabels {
  /** Returns the label of a class. */
  of: (name: string) => string;
  /** Returns the name of a class whose label is shortened. */
  titleOf: (name: string) => string | undefined;
  /** Width of the widest label in pixels. */
  width: number;
}

/** Shortens a name to a label that fits. `alike` are the names whose labels would be equal otherwise. */
type Shortening = (name: string, alike: readonly string[], fits: (label: string) => boolean) => string;

const signsOf = (text: string): string[] => Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);

/** Returns the start and the end of a text, of which the start has a share of the signs. */
function cut(text: string, startShare: number, fits: (label: string) => boolean): string {
  const signs = signsOf(text);
  for (let count = signs.length - 1; count > 0; count--) {
    const start = Math.ceil(startShare * count);
    const label = `${signs.slice(0, start).join('')}…${signs.slice(signs.length - count + start).join('')}`;
    if (fits(label)) return label;
  }
  return '…';
}

/** In the order in which they are tried. */
const shortenings: readonly Shortening[] = [
  (name, _, fits) => cut(name, 1, fits),
  (name, _, fits) => cut(name, 0.5, fits),
  (name, _, fits) => cut(name, 0, fits),
  (name, alike, fits) => {
    const others = alike.map(signsOf);
    const signs = signsOf(name);
    const differs = signs.findIndex((sign, place) => others.some((other) => other[place] !== sign));
    const rest = `…${signs.slice(Math.max(0, differs)).join('')}`;
    return fits(rest) ? rest : cut(rest, 1, fits);
  },
];

/** Returns the labels of classes, of at most `most` pixels in a font of `fontSize` pixels. */
export function classLabels(names: readonly string[], most: number, fontSize: number): ClassLabels {
  const fits = (label: string) => textWidth(label, fontSize) <= most;
  const labels = new Map(names.map((name) => [name, name]));
  for (const [place, shorten] of shortenings.entries())
    for (const alike of Map.groupBy(names, (name) => labels.get(name)!).values())
      if (alike.length > 1 || place === 0)
        for (const name of alike) if (!fits(name)) labels.set(name, shorten(name, alike, fits));
  return {
    of: (name) => labels.get(name)!,
    titleOf: (name) => (labels.get(name) === name ? undefined : name),
    width: Math.max(0, ...[...labels.values()].map((label) => textWidth(label, fontSize))),
  };
}
