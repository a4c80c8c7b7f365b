// Describes a network as JSON: its architecture, its cost, and every layer with all its numbers, for programs that
// build or compare networks. The weights are only in the other formats.

import type { ModelDescription } from '../model/model-description.ts';
import { countElements } from '../plan/layer-cost.ts';
import { type Plan, planParameters } from '../plan/plan.ts';
import { nasnetVersion } from '../version.ts';

const format = 1;

/**
 * Returns the document of `nasnet export --format json`. Shapes are [height, width, channels]; those of tensors are as
 * in the weights file.
 */
export function networkDocument(
  plan: Plan,
  { architecture, network, classes, preprocessing, origin }: ModelDescription,
) {
  const { trainableParameters, totalParameters, multiplyAdds, endpoints, stem, stemName, cells, head } = plan;
  return {
    format,
    writtenBy: `nasnet ${nasnetVersion()}`,
    origin,
    architecture,
    network,
    classes,
    preprocessing,
    trainableParameters,
    totalParameters,
    multiplyAdds,
    endpoints,
    parts: plan.sections.map(({ name, shape, parameters, multiplyAdds }) => ({
      name,
      shape,
      parameters: countElements(parameters, { statistics: false }),
      multiplyAdds,
    })),
    layers: { stemName, stem, cells, head },
    tensors: Object.fromEntries(planParameters(plan).map(({ name, shape }) => [name, shape])),
  };
}

/**
 * Formats JSON with small objects and arrays on one line each, and several elements of long lists of texts or numbers
 * per line.
 */
export function printDocument(document: object): string {
  return `${print(document, '')}\n`;
}

const longestLine = 160;

function print(value: unknown, indent: string): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || line.length <= longestLine) return line;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines(value, inner)
    .map((part) => inner + part)
    .join(',\n')}\n${indent}${close}`;
}

/** Returns the lines between the brackets. */
function lines(value: object, indent: string): string[] {
  if (!Array.isArray(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return entries.map(([key, item]) => `${JSON.stringify(key)}: ${print(item, indent)}`);
  }
  if (value.some((item) => typeof item === 'object')) return value.map((item) => print(item, indent));
  const rows: string[] = [];
  for (const text of value.map((item) => JSON.stringify(item))) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + text.length + 2 <= longestLine) rows[rows.length - 1] = `${last}, ${text}`;
    else rows.push(text);
  }
  return rows;
}
