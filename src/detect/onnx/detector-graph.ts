// The ONNX graph of a detector for one picture: the network's nodes as in export/onnx, then proposals, the second stage
// and suppression of standard operators.

import type { State } from '../../export/onnx/fold.ts';
import { plainBytes } from '../../export/onnx/fold.ts';
import { type Graph, GraphBuilder, type Value } from '../../export/onnx/graph.ts';
import { addTrunk } from '../../export/onnx/network-graph.ts';
import { imageShape, PathNodes } from '../../export/onnx/path-nodes.ts';
import { anchorsOf } from '../anchors.ts';
import { alignSide, cropSide, type DetectorPlan, type Level } from '../detector-plan.ts';
import { headRules, regionRules } from '../detector-settings.ts';

export interface DetectorGraphOptions {
  /** Objects with this score or a lower one are left out. */
  leastScore: number;
}

type Input = Value | string;

const float32 = 1; // TensorProto.DataType
/** As in box-coder.ts and proposals.ts. */
const mostGrowth = Math.log(1000 / 16);
const leastSide = 1e-3;

/**
 * Returns the graph: inputs `images` [1, 3, height, width] and `extent` [2], height and width of the picture within
 * them; outputs `boxes` [objects, 4] as x1, y1, x2, y2, `scores` [objects] and `labels` [objects], best first.
 */
export function detectorGraph(plan: DetectorPlan, state: State, options: DetectorGraphOptions): Graph {
  return new DetectorGraph(plan, state).build(options);
}

class DetectorGraph {
  readonly #plan: DetectorPlan;
  readonly #state: State;
  readonly #images: Value;
  readonly #extent: Value = { name: 'extent', shape: [], dimensions: [2] };
  readonly #graph: GraphBuilder;

  constructor(plan: DetectorPlan, state: State) {
    const [height, width] = plan.settings.input;
    this.#plan = plan;
    this.#state = state;
    this.#images = { name: 'images', shape: imageShape([height, width, 3]), dimensions: [1, 3, height, width] };
    this.#graph = new GraphBuilder(this.#images);
  }

  build({ leastScore }: DetectorGraphOptions): Graph {
    const paths = new PathNodes(this.#graph, this.#under('network.'));
    const results = addTrunk(this.#graph, paths, this.#plan.trunk, new Map(), this.#images);
    const features = this.#plan.endpoints.map((name) => results.get(this.#plan.trunk.resultOf[name]!)!);
    const levels = this.#plan.settings.head === 'paper' ? [this.#paperMap(features)] : this.#pyramid(features);
    const proposals = this.#proposals(levels);
    const shown =
      this.#plan.settings.head === 'paper' ? this.#crops(levels[0]!, proposals) : this.#aligned(levels, proposals);
    const { boxes, scores, labels } = this.#objects(shown, proposals, leastScore);
    const { nodes, weights } = this.#graph;
    const named = (value: Value, name: string, dimensions: (number | string)[], type?: 'int64'): Value => {
      this.#graph.node('Identity', name, [value], []);
      return { name, shape: [], dimensions, ...(type && { type }) };
    };
    const output = named(boxes, 'boxes', ['objects', 4]);
    const moreOutputs = [named(scores, 'scores', ['objects']), named(labels, 'labels', ['objects'], 'int64')];
    const moreInputs = [this.#extent];
    return { input: this.#images, moreInputs, output, moreOutputs, nodes, weights: [...weights.values()], values: [] };
  }

  /** The tensors whose names begin so, without it. */
  #under(prefix: string): State {
    const own = Object.entries(this.#state).filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  }

  #op(operator: string, name: string, inputs: readonly Input[], attributes = {}): Value {
    return this.#graph.node(operator, name, inputs, [], attributes);
  }

  #constant(name: string, numbers: ArrayLike<number>, shape: readonly number[] = [numbers.length]): string {
    if (this.#graph.weights.has(name)) return name;
    const elements = Float32Array.from(numbers);
    return this.#graph.weight(name, shape, () => new Uint8Array(elements.buffer));
  }

  #number = (value: number): string => this.#constant(`number_${value}`, [value]);
  #integers = (...numbers: number[]): string => this.#graph.integers(numbers);

  /** A tensor of the detector under its own name. */
  #parameter(name: string): string {
    if (this.#graph.weights.has(name)) return name;
    return this.#graph.weight(name, this.#state[name]!.shape, () => plainBytes(this.#state, name));
  }

  #convolution(name: string, input: Value, kernel: number, use = ''): Value {
    const pad = (kernel - 1) / 2;
    return this.#op(
      'Conv',
      `${name}${use}`,
      [input, this.#parameter(`${name}.weight`), this.#parameter(`${name}.bias`)],
      {
        kernel_shape: [kernel, kernel],
        strides: [1, 1],
        pads: [pad, pad, pad, pad],
        dilations: [1, 1],
        group: 1,
      },
    );
  }

  #linear(name: string, input: Value): Value {
    const parameters = [this.#parameter(`${name}.weight`), this.#parameter(`${name}.bias`)];
    return this.#op('Gemm', name, [input, ...parameters], { transB: 1 });
  }

  #column = (value: Value, place: number, name: string): Value =>
    this.#op('Gather', name, [value, this.#integers(place)], { axis: -1 });

  #paperMap([current, previous]: readonly Value[]): Value {
    return this.#op('Concat', 'map', [previous!, current!], { axis: 1 });
  }

  #pyramid(features: readonly Value[]): Value[] {
    const shapes = this.#plan.levels.map(({ shape }) => shape);
    const laterals = features.map((feature, level) => this.#convolution(`head.lateral_${level}`, feature, 1));
    for (let level = laterals.length - 2; level >= 0; level--) {
      const enlarged = [0, 1].reduce(
        (value: Value, axis) => {
          const [fine, coarse] = [shapes[level]![axis]!, shapes[level + 1]![axis]!];
          const from = Array.from({ length: fine }, (_, place) => Math.floor((place * coarse) / fine));
          return this.#op('Gather', `enlarged_${level}_${axis}`, [value, this.#integers(...from)], { axis: 2 + axis });
        },
        laterals[level + 1]!,
      );
      laterals[level] = this.#op('Add', `sum_${level}`, [laterals[level]!, enlarged]);
    }
    const maps = laterals.map((lateral, level) => this.#convolution(`head.level_${level}`, lateral, 3));
    const coarsest = this.#op('MaxPool', 'coarsest', [maps.at(-1)!], { kernel_shape: [1, 1], strides: [2, 2] });
    const [height, width] = shapes.at(-2)!;
    if (Math.ceil(height / 2) === shapes.at(-1)![0] && Math.ceil(width / 2) === shapes.at(-1)![1])
      return [...maps, coarsest];
    throw new Error('onnx: expected the coarsest level to have half the size, rounded up');
  }

  /** Returns the proposals [proposals, 4], best first. */
  #proposals(maps: readonly Value[]): Value {
    const { head, proposals } = this.#plan.settings;
    const most = headRules[head].candidates?.test;
    const boxes: Value[] = [];
    const scores: Value[] = [];
    const counts: number[] = [];
    this.#plan.levels.forEach((level, index) => {
      const read = this.#anchorScores(maps[index]!, level, index);
      const count = level.shape[0] * level.shape[1] * this.#plan.anchors;
      let { offsets, anchors, objectness } = read;
      if (most !== undefined && count > most) {
        const [values, places] = this.#graph.pair('TopK', `best_${index}`, [objectness, this.#integers(most)], {
          axis: 0,
        });
        objectness = values;
        offsets = this.#op('Gather', `best_offsets_${index}`, [offsets, places], { axis: 0 });
        anchors = this.#op('Gather', `best_anchors_${index}`, [anchors, places], { axis: 0 });
      }
      const decoded = this.#clipped(this.#decoded(offsets, anchors, `anchors_${index}`), `anchors_${index}`);
      boxes.push(decoded);
      scores.push(this.#scoresOf(objectness, decoded, `anchors_${index}`));
      counts.push(Math.min(count, most ?? count));
    });
    const all = this.#op('Concat', 'candidates', boxes, { axis: 0 });
    const every = this.#op('Concat', 'candidate_scores', scores, { axis: 0 });
    const ofLevels = this.#byLevel(every, counts);
    const batch = this.#op('Unsqueeze', 'candidate_batch', [all, this.#integers(0)]);
    const survivors = this.#op('NonMaxSuppression', 'proposals_kept', [
      batch,
      ofLevels,
      this.#integers(proposals),
      this.#number(regionRules.suppression),
      this.#number(0),
    ]);
    const places = this.#op('Reshape', 'proposal_places', [
      this.#column(survivors, 2, 'proposal_column'),
      this.#integers(-1),
    ]);
    const [, order] = this.#sorted(
      this.#op('Gather', 'proposal_scores', [every, places], { axis: 0 }),
      proposals,
      'proposal',
    );
    const chosen = this.#op('Gather', 'proposals_by_score', [places, order], { axis: 0 });
    return this.#op('Gather', 'proposal_boxes', [all, chosen], { axis: 0 });
  }

  #anchorScores(map: Value, level: Level, index: number): Record<'offsets' | 'objectness', Value> & { anchors: Input } {
    const { head } = this.#plan.settings;
    const use = `.${index}`;
    const hidden = this.#convolution('proposals.convolution', map, 3, use);
    const shown =
      head === 'paper'
        ? this.#op('Clip', `proposals_shown_${index}`, [
            hidden,
            this.#constant('zero', [0], []),
            this.#constant('six', [6], []),
          ])
        : this.#op('Relu', `proposals_shown_${index}`, [hidden]);
    const perAnchor = (name: string, numbers: number) => {
      const values = this.#convolution(name, shown, 1, use);
      const last = this.#op('Transpose', `${name}.last${use}`, [values], { perm: [0, 2, 3, 1] });
      return this.#op('Reshape', `${name}.rows${use}`, [last, this.#integers(-1, numbers)]);
    };
    const probabilities = this.#op('Softmax', `objectness_${index}`, [perAnchor('proposals.scores', 2)], { axis: 1 });
    const object = this.#column(probabilities, 1, `objectness_column_${index}`);
    const anchors = anchorsOf(level, [level.shape[0], level.shape[1]], headRules[head].ratios);
    return {
      offsets: perAnchor('proposals.boxes', 4),
      objectness: this.#op('Reshape', `objectness_flat_${index}`, [object, this.#integers(-1)]),
      anchors: this.#constant(`anchors_${index}`, anchors, [anchors.length / 4, 4]),
    };
  }

  /** Boxes [.., 4] from offsets [.., 4] and boxes that broadcast with them. */
  #decoded(offsets: Value, from: Input, name: string): Value {
    const [acrossFactor, downFactor, wideFactor, highFactor] = regionRules.coder;
    const source: Value = typeof from === 'string' ? { name: from, shape: [] } : from;
    const axis = (low: number, centreFactor: number, growthFactor: number) => {
      const op = (operator: string, inputs: Input[]) => this.#op(operator, `${name}.${operator}`, inputs);
      const column = (value: Value, place: number) => this.#column(value, place, `${name}.column`);
      const start = column(source, low);
      const side = op('Sub', [column(source, low + 2), start]);
      const middle = op('Add', [start, op('Div', [side, this.#number(2)])]);
      const shift = op('Mul', [op('Div', [column(offsets, low), this.#number(centreFactor)]), side]);
      const centre = op('Add', [middle, shift]);
      const growth = op('Min', [
        op('Div', [column(offsets, low + 2), this.#number(growthFactor)]),
        this.#number(mostGrowth),
      ]);
      const half = op('Div', [op('Mul', [op('Exp', [growth]), side]), this.#number(2)]);
      return [op('Sub', [centre, half]), op('Add', [centre, half])] as const;
    };
    const [x1, x2] = axis(0, acrossFactor, wideFactor);
    const [y1, y2] = axis(1, downFactor, highFactor);
    return this.#op('Concat', `${name}.boxes`, [x1, y1, x2, y2], { axis: -1 });
  }

  #clipped(boxes: Value, name: string): Value {
    const limits =
      this.#graph.value('limits') ??
      this.#op('Gather', 'limits', [this.#extent, this.#integers(1, 0, 1, 0)], { axis: 0 });
    const above = this.#op('Max', `${name}.above`, [boxes, this.#number(0)]);
    return this.#op('Min', `${name}.clipped`, [above, limits]);
  }

  /** The scores, −1 for boxes without width or height. */
  #scoresOf(scores: Value, boxes: Value, name: string): Value {
    const sides = this.#op('Sub', `${name}.sides`, [
      this.#op('Gather', `${name}.ends`, [boxes, this.#integers(2, 3)], { axis: -1 }),
      this.#op('Gather', `${name}.starts`, [boxes, this.#integers(0, 1)], { axis: -1 }),
    ]);
    const least = this.#op('ReduceMin', `${name}.least`, [sides], { axes: [-1], keepdims: 0 });
    const isBox = this.#op('GreaterOrEqual', `${name}.is_box`, [least, this.#number(leastSide)]);
    return this.#op('Where', `${name}.scores`, [isBox, scores, this.#number(-1)]);
  }

  /** Scores [1, levels, candidates], −1 where a candidate is of another level. */
  #byLevel(scores: Value, counts: readonly number[]): Value {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const mask = new Float32Array(counts.length * total);
    let first = 0;
    for (const [level, count] of counts.entries()) {
      mask.fill(1, level * total + first, level * total + first + count);
      first += count;
    }
    const own = this.#constant('level_mask', mask, [counts.length, total]);
    const rest = this.#constant(
      'level_rest',
      mask.map((value) => 1 - value),
      [counts.length, total],
    );
    const masked = this.#op('Sub', 'level_scores', [this.#op('Mul', 'level_masked', [scores, own]), rest]);
    return this.#op('Unsqueeze', 'level_batch', [masked, this.#integers(0)]);
  }

  /** The `most` highest of scores [n] in falling order, and their places. */
  #sorted(scores: Value, most: number, name: string): [Value, Value] {
    const count = this.#op('Shape', `${name}.count`, [scores]);
    const largest = this.#op('Min', `${name}.kept`, [count, this.#integers(most)]);
    return this.#graph.pair('TopK', `${name}.sorted`, [scores, largest], { axis: 0 });
  }

  /** The features of every proposal: from the network's last stage on its crop. */
  #crops(map: Value, proposals: Value): Value {
    const [height, width] = this.#plan.settings.input;
    const shares = this.#op('Div', 'shares', [
      proposals,
      this.#constant('input_sides', [width, height, width, height]),
    ]);
    const doubled = this.#op('Sub', 'grid_corners', [
      this.#op('Mul', 'twice', [shares, this.#number(2)]),
      this.#number(1),
    ]);
    const steps = Array.from({ length: cropSide }, (_, place) => place / (cropSide - 1));
    const along = (low: number, shape: readonly number[], name: string) => {
      const [start, end] = [this.#column(doubled, low, `${name}.start`), this.#column(doubled, low + 2, `${name}.end`)];
      const length = this.#op('Sub', `${name}.length`, [end, start]);
      const places = this.#op('Mul', `${name}.places`, [length, this.#constant('steps', steps, [1, cropSide])]);
      const all = this.#op('Add', name, [start, places]); // [proposals, cells]
      return this.#op('Reshape', `${name}.grid`, [all, this.#integers(...shape)]);
    };
    const [x, y] = [along(0, [-1, 1, cropSide, 1], 'grid_x'), along(1, [-1, cropSide, 1, 1], 'grid_y')];
    const zero = this.#number(0);
    const wide = this.#op('Add', 'grid_x.all', [x, this.#op('Mul', 'grid_y.zero', [y, zero])]);
    const high = this.#op('Add', 'grid_y.all', [y, this.#op('Mul', 'grid_x.zero', [x, zero])]);
    const grid = this.#op('Reshape', 'grid', [
      this.#op('Concat', 'grid.points', [wide, high], { axis: 3 }),
      this.#integers(1, -1, cropSide, 2),
    ]);
    const sampled = this.#op('GridSample', 'sampled', [map, grid], { align_corners: 1 });
    const channels = this.#plan.levels[0]!.shape[2];
    const rows = this.#op('Reshape', 'crop_rows', [sampled, this.#integers(channels, -1, cropSide, cropSide)]);
    const crops = this.#op('Transpose', 'crops', [rows], { perm: [1, 0, 2, 3] });
    return this.#lastStage(crops);
  }

  #lastStage(crops: Value): Value {
    const [current, previous] = this.#plan.endpoints as [string, string];
    const tail = this.#plan.tail!;
    const [first, second] = [previous, current].map((name) => this.#plan.trunk.ends[name]![2]) as [number, number];
    const part = (name: string, from: number, to: number): [string, Value] => {
      const shape = [to - from, cropSide, cropSide];
      const bounds = [from, to, 1].map((place) => this.#integers(place)) as [string, string, string];
      return [name, this.#graph.node('Slice', `crop.${name}`, [crops, ...bounds], shape)];
    };
    const known = new Map([part(previous, 0, first), part(current, first, first + second)]);
    const paths = new PathNodes(this.#graph, this.#under('head.'));
    const last = addTrunk(this.#graph, paths, tail, known).get(Object.keys(tail.ends)[0]!)!;
    const pooled = this.#op('GlobalAveragePool', 'pooled', [this.#op('Relu', 'last_relu', [last])]);
    return this.#op('Flatten', 'features', [pooled], { axis: 1 });
  }

  /** The features of every proposal: its cells on its level of the pyramid, through two linear layers. */
  #aligned(maps: readonly Value[], proposals: Value): Value {
    const { endpoints, levels, settings } = this.#plan;
    const column = (place: number) => this.#column(proposals, place, 'proposal_corner');
    const side = (low: number) =>
      this.#op('Max', 'proposal_side', [
        this.#op('Sub', 'proposal_length', [column(low + 2), column(low)]),
        this.#number(0),
      ]);
    const square = this.#op('Sqrt', 'proposal_square', [this.#op('Mul', 'proposal_area', [side(0), side(1)])]);
    const largest = (112 * settings.anchor) / headRules.fpn.anchor; // as levelsOf of heads.ts
    const ratio = this.#op('Add', 'level_ratio', [
      this.#op('Div', 'level_share', [square, this.#number(largest)]),
      this.#number(1e-6),
    ]);
    const powers = this.#op('Div', 'level_power', [this.#op('Log', 'level_log', [ratio]), this.#number(Math.LN2)]);
    const raised = this.#op('Add', 'level_raised', [this.#op('Floor', 'level_floor', [powers]), this.#number(1)]);
    const limited = this.#op('Min', 'level_limited', [
      this.#op('Max', 'level_positive', [raised, this.#number(0)]),
      this.#number(endpoints.length - 1),
    ]);
    const level = this.#op('Reshape', 'level', [limited, this.#integers(-1, 1, 1, 1)]);
    const first = this.#op('Reshape', 'first_corner', [column(0), this.#integers(-1)]);
    const places = this.#op('Cast', 'roi_places', [this.#op('Mul', 'roi_zero', [first, this.#number(0)])], { to: 7 });
    const parts = endpoints.map((_, index) => {
      const cells = this.#op('RoiAlign', `aligned_${index}`, [maps[index]!, proposals, places], {
        output_height: alignSide,
        output_width: alignSide,
        sampling_ratio: 2,
        spatial_scale: 1 / levels[index]!.stride,
      });
      const isOwn = this.#op('Cast', `own_${index}`, [this.#op('Equal', `is_${index}`, [level, this.#number(index)])], {
        to: float32,
      });
      return this.#op('Mul', `own_cells_${index}`, [cells, isOwn]);
    });
    const cells = this.#op('Flatten', 'cells', [this.#op('Sum', 'cells_of_levels', parts)], { axis: 1 });
    return ['head.hidden_1', 'head.hidden_2'].reduce(
      (value: Value, name) => this.#op('Relu', `${name}.relu`, [this.#linear(name, value)]),
      cells,
    );
  }

  #objects(features: Value, proposals: Value, leastScore: number) {
    const { classes, settings } = this.#plan;
    const probabilities = this.#op('Softmax', 'probabilities', [this.#linear('head.outputs.classes', features)], {
      axis: 1,
    });
    const objects = this.#op('Slice', 'object_probabilities', [
      probabilities,
      ...[1, classes + 1, 1].map((place) => this.#integers(place)),
    ]);
    const scores = this.#op('Transpose', 'class_scores', [objects], { perm: [1, 0] }); // [classes, proposals]
    const offsets = this.#op('Reshape', 'offsets', [
      this.#linear('head.outputs.boxes', features),
      this.#integers(-1, classes, 4),
    ]);
    const from = this.#op('Unsqueeze', 'proposals_by_class', [proposals, this.#integers(1)]);
    const decoded = this.#clipped(this.#decoded(offsets, from, 'objects'), 'objects');
    const boxes = this.#op('Transpose', 'class_boxes', [decoded], { perm: [1, 0, 2] }); // [classes, proposals, 4]
    const valid = this.#scoresOf(scores, boxes, 'objects');
    // Each class is a picture of its own, so that only boxes of one class suppress each other.
    const survivors = this.#op('NonMaxSuppression', 'objects_kept', [
      boxes,
      this.#op('Unsqueeze', 'class_batch', [valid, this.#integers(1)]),
      this.#integers(regionRules.detections),
      this.#number(headRules[settings.head].suppression),
      this.#number(leastScore),
    ]);
    const places = this.#op('Gather', 'object_places', [survivors, this.#integers(0, 2)], { axis: 1 });
    const [best, order] = this.#sorted(
      this.#op('GatherND', 'kept_scores', [valid, places]),
      regionRules.detections,
      'object',
    );
    const chosen = this.#op('Gather', 'objects_by_score', [places, order], { axis: 0 });
    const labels = this.#op('Reshape', 'object_labels', [this.#column(chosen, 0, 'object_class'), this.#integers(-1)]);
    return { boxes: this.#op('GatherND', 'object_boxes', [boxes, chosen]), scores: best, labels };
  }
}
