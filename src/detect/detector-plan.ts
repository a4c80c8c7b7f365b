// Lays out a detector: the endpoints it reads, its levels with their strides, and what every part costs. Plain data,
// computed without the engine.

import type { Shape } from '../plan/layer.ts';
import { countElements } from '../plan/layer-cost.ts';
import { planTail, planTrunk, type TrunkPlan, tailStart } from '../plan/plan-trunk.ts';
import type { Architecture } from '../space/architecture.ts';
import { type DetectorSettings, headRules, networkOptions } from './detector-settings.ts';

/** A map on which regions are proposed. */
export interface Level {
  readonly stride: number;
  readonly shape: Shape;
  /** Sides of the anchors of ratio 1, in pixels. */
  readonly sides: readonly number[];
}

/** A part of a detector and its cost: for a picture, or for a proposal. */
export interface Part {
  readonly name: string;
  /** Trainable parameters. */
  readonly parameters: number;
  readonly multiplyAdds: number;
}

export interface DetectorPlan {
  readonly settings: DetectorSettings;
  readonly classes: number;
  readonly trunk: TrunkPlan;
  /** The endpoints that the detector reads, finest first; with 'paper' h_i, h_{i-1} of the second stage. */
  readonly endpoints: readonly string[];
  /** The network's last stage, on a crop; only with 'paper'. */
  readonly tail?: TrunkPlan;
  readonly levels: readonly Level[];
  /** Anchors of one place. */
  readonly anchors: number;
  /** For a picture, in the order of computation. */
  readonly pictureParts: readonly Part[];
  /** For one proposal. */
  readonly proposalParts: readonly Part[];
  readonly parameters: number;
  /** Multiply-adds for a picture with all its proposals. */
  readonly multiplyAdds: number;
}

/** Height and width of a proposal's crop, of the released detector. */
export const cropSide = 17;
/** Height and width of a proposal's cells in the pyramid (torchvision). */
export const alignSide = 7;

/**
 * Lays out a detector.
 * @throws InputError if a number is out of range, or the head 'paper' does not suit the cells
 */
export function planDetector(architecture: Architecture, settings: DetectorSettings, classes: number): DetectorPlan {
  const { head, proposals } = settings;
  const plan =
    head === 'paper' ? planPaper(architecture, settings, classes) : planPyramid(architecture, settings, classes);
  const sum = (parts: readonly Part[], of: 'parameters' | 'multiplyAdds') =>
    parts.reduce((total, part) => total + part[of], 0);
  return {
    settings,
    classes,
    ...plan,
    parameters: sum([...plan.pictureParts, ...plan.proposalParts], 'parameters'),
    multiplyAdds: sum(plan.pictureParts, 'multiplyAdds') + proposals * sum(plan.proposalParts, 'multiplyAdds'),
  };
}

type Laid = Omit<DetectorPlan, 'settings' | 'classes' | 'parameters' | 'multiplyAdds'>;

function planPaper(architecture: Architecture, settings: DetectorSettings, classes: number): Laid {
  const options = networkOptions(settings);
  const { sources } = tailStart(architecture, options);
  const trunk = planTrunk(architecture, options, sources);
  const tail = planTail(architecture, options, [cropSide, cropSide]);
  const [current, previous] = sources.map((name) => trunk.ends[name]!) as [Shape, Shape];
  const { ratios, scales } = headRules.paper;
  const sides = Array.from({ length: scales }, (_, scale) => settings.anchor * 2 ** scale);
  const map: Shape = [current[0], current[1], previous[2] + current[2]];
  const anchors = ratios.length * scales;
  const [features] = Object.values(tail.ends) as [Shape];
  return {
    trunk,
    tail,
    endpoints: sources,
    levels: [{ stride: 16, shape: map, sides }],
    anchors,
    pictureParts: [trunkPart('first stage', trunk), ...proposalNetwork([map], map[2], settings.channels, anchors)],
    proposalParts: [
      trunkPart('second stage', tail),
      linearPart('classes', features[2], classes + 1),
      linearPart('boxes', features[2], 4 * classes),
    ],
  };
}

function planPyramid(architecture: Architecture, settings: DetectorSettings, classes: number): Laid {
  const { channels, hidden, network } = settings;
  const endpoints = stageEnds(network.cells);
  const trunk = planTrunk(architecture, networkOptions(settings), endpoints);
  const shapes = endpoints.map((name) => trunk.ends[name]!);
  const maps = shapes.map(([height, width]): Shape => [height, width, channels]);
  const last = maps.at(-1)!;
  const all: Shape[] = [...maps, [Math.ceil(last[0] / 2), Math.ceil(last[1] / 2), channels]];
  const anchors = headRules.fpn.ratios.length;
  return {
    trunk,
    endpoints,
    levels: all.map((shape, index) => ({ stride: 4 * 2 ** index, shape, sides: [settings.anchor * 2 ** index] })),
    anchors,
    pictureParts: [
      trunkPart('network', trunk),
      convolutionPart('pyramid, lateral', shapes, channels, 1, { shared: false }),
      convolutionPart('pyramid, output', maps, channels, 3, { shared: false }),
      ...proposalNetwork(all, channels, channels, anchors),
    ],
    proposalParts: [
      linearPart('hidden 1', alignSide ** 2 * channels, hidden),
      linearPart('hidden 2', hidden, hidden),
      linearPart('classes', hidden, classes + 1),
      linearPart('boxes', hidden, 4 * classes),
    ],
  };
}

/** Returns the last results of strides 4, 8, 16 and 32. */
function stageEnds(cells: number): string[] {
  if (cells === 0) return ['Cell_Stem_0', 'Cell_Stem_1', 'Reduction_Cell_0', 'Reduction_Cell_1'];
  return ['Cell_Stem_0', ...[1, 2, 3].map((stage) => `Cell_${stage * cells - 1}`)];
}

/** A 3×3 convolution on every level, and 1×1 convolutions to two scores and four numbers of each anchor. */
function proposalNetwork(maps: readonly Shape[], inputs: number, channels: number, anchors: number): Part[] {
  const read = maps.map(([height, width]): Shape => [height, width, inputs]);
  const written = maps.map(([height, width]): Shape => [height, width, channels]);
  return [
    convolutionPart('proposals, 3×3', read, channels, 3, { shared: true }),
    convolutionPart('proposals, scores', written, 2 * anchors, 1, { shared: true }),
    convolutionPart('proposals, boxes', written, 4 * anchors, 1, { shared: true }),
  ];
}

function trunkPart(name: string, { sections }: TrunkPlan): Part {
  const parameters = countElements(
    sections.flatMap((section) => section.parameters),
    { statistics: false },
  );
  return { name, parameters, multiplyAdds: sections.reduce((sum, section) => sum + section.multiplyAdds, 0) };
}

/** Convolutions with biases, one for every map or one for all. */
function convolutionPart(
  name: string,
  maps: readonly Shape[],
  outputs: number,
  kernel: number,
  { shared }: { shared: boolean },
): Part {
  const weights = maps.map(([, , inputs]) => kernel ** 2 * inputs * outputs);
  const counted = shared ? weights.slice(0, 1) : weights;
  return {
    name,
    parameters: counted.reduce((sum, each) => sum + each + outputs, 0),
    multiplyAdds: maps.reduce((sum, [height, width], index) => sum + height * width * weights[index]!, 0),
  };
}

const linearPart = (name: string, inputs: number, outputs: number): Part => ({
  name,
  parameters: (inputs + 1) * outputs,
  multiplyAdds: inputs * outputs,
});
