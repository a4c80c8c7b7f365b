// Prints an architecture as text: the architecture file, which parse.ts reads, and equations for people.

import { type Architecture, type Cell, createdState, outputStates } from './architecture.ts';

/** Returns the text of the architecture file: JSON with one block per line, ending in a newline. */
export function printArchitecture(architecture: Architecture): string {
  const { normal, reduction, operations } = architecture;
  const own = operations ? `,\n  "operations": ${JSON.stringify(operations)}` : '';
  return `{\n  "normal": ${printCell(normal)},\n  "reduction": ${printCell(reduction)}${own}\n}\n`;
}

function printCell(cell: Cell): string {
  const blocks = cell.blocks.map(
    ({ inputs, operations, combine }) =>
      `      { "inputs": [${inputs.join(', ')}], "operations": ["${operations.join('", "')}"], "combine": "${combine}" }`,
  );
  const inputs = cell.inputs === undefined ? '' : `\n    "inputs": ${cell.inputs},`;
  const states = cell.output === 'states' ? '"states"' : cell.output && `[${cell.output.join(', ')}]`;
  const output = states ? `,\n    "output": ${states}` : '';
  return `{${inputs}\n    "blocks": [\n${blocks.join(',\n')}\n    ]${output}\n  }`;
}

/**
 * Returns one line per block and one for the output: `2 = add(sep_conv_5x5(0), sep_conv_3x3(1))`, `output = concat(1,
 * 2, 3)` or `output = 4, 5, 6, 7`.
 */
export function describeCell(cell: Cell): string[] {
  const lines = cell.blocks.map(({ inputs, operations, combine }, index) => {
    const results = inputs.map((state, side) => `${operations[side]}(${state})`);
    return `${createdState(cell, index)} = ${combine}(${results.join(', ')})`;
  });
  const states = outputStates(cell).join(', ');
  return [...lines, cell.output === 'states' ? `output = ${states}` : `output = concat(${states})`];
}
