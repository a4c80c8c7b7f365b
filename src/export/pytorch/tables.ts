// Writes the parts of the Python file that differ between networks: the cells as tables, the numbers, the
// preprocessing. The code that uses them is network.py, the same for every network.

import { enlargedSide } from '../../data/augmentations.ts';
import { InputError } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import type { Preprocessing } from '../../model/preprocessing.ts';
import { cellSequence } from '../../plan/cell-sequence.ts';
import { layouts } from '../../plan/layouts.ts';
import type { Plan } from '../../plan/plan.ts';
import { normEpsilons } from '../../plan/plan-cell.ts';
import { type Cell, createdState, inputCount, liveStates, outputStates } from '../../space/architecture.ts';
import { type Operation, type OperationTable, operations } from '../../space/operations.ts';

/**
 * Returns the constants at the top of the file.
 * @param logits the network's first logits for the reference image
 */
export function pythonTables(plan: Plan, description: ModelDescription, logits: readonly number[]): string {
  const { architecture, preprocessing } = description;
  const [height, width, channels] = plan.input;
  const [convolution, norm] = plan.stem;
  if (convolution?.kind !== 'convolution' || norm?.kind !== 'batch-norm')
    throw new Error('the stem of a plan is a convolution and a batch norm');
  const same = plan.layout === 'cifar';
  const passesStates = architecture.normal.output === 'states';
  const inputs = passesStates
    ? `States 0 to ${inputCount(architecture.normal) - 1} of a cell are its inputs`
    : 'States 0 and 1 of a cell are its inputs h_i and h_{i-1}';
  return [
    `IMAGE = (${channels}, ${height}, ${width})  # channels, height, width`,
    `MEAN, DEVIATION = ${list(preprocessing.mean)}, ${list(preprocessing.deviation)}  # per channel, in units of a byte`,
    `CLASSES = ${plan.classes}`,
    `STEM = (${convolution.outputChannels}, ${convolution.stride[0]}, ${same ? 'True' : 'False'})  # the 3×3 convolution: channels, stride, padded`,
    `DECAY, EPSILON = ${norm.decay}, ${norm.epsilon}  # of the batch norms`,
    `LAYER_NORM, INSTANCE_NORM = ${normEpsilons['layer-norm']}, ${normEpsilons['instance-norm']}  # epsilons`,
    '',
    `# ${inputs}; a block computes a new state from two existing ones.`,
    `PASSES_STATES = ${passesStates ? 'True' : 'False'}  # whether a cell passes on its states one by one, not concatenated`,
    `NORMAL = ${cellTable(architecture.normal, 1)}`,
    `REDUCTION = ${cellTable(architecture.reduction, 2)}`,
    '',
    cellList(plan, description),
    '',
    '# The first logits for the image of check(), as nasnet computed them.',
    `LOGITS = ${wrapList(logits.map((value) => value.toPrecision(9)))}`,
  ].join('\n');
}

function cellTable(cell: Cell, stride: 1 | 2): string {
  const live = liveStates(cell);
  const rows = cell.blocks.flatMap(({ inputs, operations: names, combine }, index) => {
    const state = createdState(cell, index);
    const row = [quote(names[0]), inputs[0], quote(names[1]), inputs[1], quote(combine)];
    return live.has(state) ? [`        ${state}: (${row.join(', ')}),`] : [];
  });
  return [
    '{',
    `    "stride": ${stride},`,
    '    "blocks": {',
    '        # state: (operation, its input state, operation, its input state, combiner)',
    ...rows,
    '    },',
    `    "output": ${list(outputStates(cell))},`,
    '}',
  ].join('\n');
}

function cellList(plan: Plan, { architecture, network }: ModelDescription): string {
  const { cells, filters, skipReductionInput = false } = network;
  const slots = cellSequence(architecture, { layout: layouts[plan.layout], cells, filters, skipReductionInput });
  const readStates = new Map(plan.cells.map(({ name, output }) => [name, output.map(({ state }) => state)]));
  const texts = slots.map(({ name, kind, filters: cellFilters, sources }) => {
    const sourceNames = sources.map((source) => (source === undefined ? 'None' : quote(source)));
    const row = [quote(name), kind.toUpperCase(), String(cellFilters), `[${sourceNames.join(', ')}]`];
    return [...row.map((text) => `${text},`), list(readStates.get(name) ?? [])];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...texts.map((row) => row[column]!.length)));
  const rows = texts.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' '));
  return [
    'CELLS = [',
    '    # name, cell, filters, inputs, indices of the output states that are read (without any it is not computed)',
    ...rows.map((row) => `    (${row}),`),
    ']',
  ].join('\n');
}

/** Returns the rows of OPERATIONS after identity. @param own the architecture's custom operations */
export function pythonOperations(own: OperationTable = {}): string {
  const rows = Object.entries({ ...operations, ...own })
    .map(([name, operation]): [string, string | undefined] => [name, builder(operation)])
    .filter(([, text]) => text !== undefined);
  return rows.map(([name, text]) => `    ${quote(name)}: ${text},`).join('\n');
}

function builder(operation: Operation): string | undefined {
  switch (operation.kind) {
    case 'identity':
      return undefined;
    case 'convolution':
    case 'factorised':
    case 'separable':
      return `partial(${operation.kind}, ${operation.kernel})`;
    case 'dilated':
      return `partial(depthwise, ${operation.kernel}, dilation=${operation.dilation})`;
    case 'average-pool':
      return `partial(pool, AveragePool, ${operation.kernel})`;
    case 'max-pool':
      return `partial(pool, MaxPool, ${operation.kernel})`;
    case 'layers':
      throw new InputError(
        `PyTorch: expected operations of nasnet's kinds, got the custom operation ${operation.label}`,
        {
          code: 'own-operation',
        },
      );
  }
}

/** Returns the lines of prepare() that frame an image as data/framing.ts does, and the kernel of resizing(). */
export function pythonFraming({ aspect, centralFraction, interpolation }: Preprocessing): {
  framing: string;
  weights: string;
} {
  const lines =
    aspect === 'stretch'
      ? [
          `top, left = (int((side - side * ${centralFraction}) / 2) for side in (height, width))`,
          'image = image[:, top : height - top, left : width - left]',
          'image = resize(image, *IMAGE[1:])',
        ]
      : interpolation === 'area'
        ? [
            `scale = ${centralFraction} * min(height / IMAGE[1], width / IMAGE[2])`,
            'image = centre(image, *(max(1, int(side * scale + 0.5)) for side in IMAGE[1:]))',
            'image = resize(image, *IMAGE[1:])',
          ]
        : [
            `rows, columns = (int(side / ${centralFraction}) for side in IMAGE[1:])  # the resized image must cover this`,
            'if rows * width >= columns * height:',
            '    columns = max(columns, rows * width // height)',
            'else:',
            '    rows = max(rows, columns * height // width)',
            'image = centre(resize(image, rows, columns), *IMAGE[1:])',
          ];
  return { framing: indent(lines), weights: indent(kernels[interpolation]) };
}

/**
 * Returns the lines of prepare() that enlarge bytes [1, 3, height, width] and crop the centre as data/test-view.ts
 * does; empty for most networks.
 */
export function pythonView({ enlarge = 1 }: Preprocessing, [height, width]: readonly number[]): string {
  const sides = [height!, width!].map((side) => ({ side, enlarged: enlargedSide(enlarge, side) }));
  if (sides.every(({ side, enlarged }) => side === enlarged)) return '';
  const spans = sides.map(({ side, enlarged }) => {
    const first = Math.floor((enlarged - side) / 2);
    return `${first} : ${first + side}`;
  });
  const size = sides.map(({ enlarged }) => enlarged).join(', ');
  return `    image = F.interpolate(image, (${size}), mode="bilinear")[:, :, ${spans.join(', ')}]  # as large as in training\n`;
}

const kernels: Record<Preprocessing['interpolation'], string[]> = {
  bilinear: ['weights = (1 - distance / max(scale, 1)).clamp(min=0)'],
  bicubic: [
    'd = distance / max(scale, 1)',
    'near, far = (1.5 * d - 2.5) * d * d + 1, ((2.5 - 0.5 * d) * d - 4) * d + 2',
    'weights = torch.where(d < 1, near, far * (d < 2))',
  ],
  area: ['weights = ((scale + 1) / 2 - distance).clamp(0, min(scale, 1))  # overlap of the old pixel and the new'],
};

const indent = (lines: string[]) => lines.map((line) => `    ${line}`).join('\n');
const quote = (text: string) => JSON.stringify(text);
const list = (values: readonly number[]) => `[${values.join(', ')}]`;

function wrapList(items: string[], perLine = 5): string {
  const lines = Array.from({ length: Math.ceil(items.length / perLine) }, (_, line) => {
    return `    ${items.slice(line * perLine, (line + 1) * perLine).join(', ')},`;
  });
  return `[\n${lines.join('\n')}\n]`;
}
