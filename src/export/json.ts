// A network as JSON: what it is, what it costs, and every layer with every number spelled out, for programs that build or compare
// networks. Weights are in the other formats.

import type { ModelDescription } from '../model/model-description.ts';
import { countElements } from '../plan/layer-cost.ts';
import { type Plan, planParameters } from '../plan/plan.ts';
import { nasnetVersion } from '../version.ts';

const format = 1;

/** The document of `nasnet export --format json`. Shapes are [height, width, channels]; tensors' as in the weights' file. */
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

/** JSON whose small objects and arrays stand on one line each, and whose long lists of words or numbers fill lines. */
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

/** What stands between the brackets. */
function lines(value: object, indent: string): string[] {
  if (!Array.isArray(value)) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return entries.map(([key, each]) => `${JSON.stringify(key)}: ${print(each, indent)}`);
  }
  if (value.some((each) => typeof each === 'object')) return value.map((each) => print(each, indent));
  const filled: string[] = [];
  for (const text of value.map((each) => JSON.stringify(each))) {
    const last = filled.at(-1);
    if (last !== undefined && last.length + text.length + 2 <= longestLine)
      filled[filled.length - 1] = `${last}, ${text}`;
    else filled.push(text);
  }
  return filled;
}
