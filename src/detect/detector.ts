// A detector: the network's features, a region proposal network and a head. It computes the losses of a training step
// and finds objects.

import { indexTensor, tensor, zeros } from '../engine/create.ts';
import { cpu } from '../engine/device.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { cat } from '../engine/operators.ts';
import { generatorState, manualSeed, setGeneratorState } from '../engine/random.ts';
import { nonMaximumSuppression } from '../engine/regions.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure } from '../failure.ts';
import type { CellSettings } from '../model/cell.ts';
import { withoutInitialisation } from '../nn/initialise.ts';
import { Module } from '../nn/module.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Architecture } from '../space/architecture.ts';
import { Backbone } from './backbone.ts';
import { clipBoxes, decodeBoxes } from './box-coder.ts';
import { type DetectorPlan, planDetector } from './detector-plan.ts';
import { type DetectorSettings, headRules, networkOptions, regionRules } from './detector-settings.ts';
import { buildHead, type Classified, type Head, type Proposals } from './heads.ts';
import {
  anchorLosses,
  type Losses,
  proposalLosses,
  type SampledProposals,
  sampleProposals,
  type Truth,
} from './losses.ts';
import { type AnchorScores, ProposalNetwork, scoresOfBoxes } from './proposals.ts';

type ComputedSettings = Pick<CellSettings, 'device' | 'precision' | 'dropPathKeep' | 'generator' | 'sumOver'>;

export interface DetectorOptions extends ComputedSettings {
  /** Seed of the initial weights; undefined: they are loaded next. */
  seed?: number;
}

/** Objects found in one picture, best first, in pixels of the network's input. */
export interface FoundObjects {
  /** x1, y1, x2, y2 of each. */
  boxes: Float32Array;
  /** 0 to 1. */
  scores: Float32Array;
  /** The category of each. */
  labels: Int32Array;
}

export interface DetectOptions {
  /** Proposals in the second stage at once, which bounds the memory. Default 100. */
  together?: number;
  /** Objects with a lower score are left out. Default: the head's rule. */
  leastScore?: number;
}

export const proposalsTogether = 100;

/** Decay of moving statistics: a detector takes fewer steps than the ImageNet training that 0.9997 is for. */
const normDecay = 0.95;

/** Builds a detector. @throws InputError as `planDetector` */
export function buildDetector(
  architecture: Architecture,
  settings: DetectorSettings,
  classes: number,
  options: DetectorOptions = {},
): Detector {
  const plan = planDetector(architecture, settings, classes);
  const { seed } = options;
  if (seed === undefined) return withoutInitialisation(() => new Detector(architecture, plan, options));
  if (options.device !== undefined && options.device !== cpu) {
    const original = buildDetector(architecture, settings, classes, { ...options, device: cpu });
    const detector = withoutInitialisation(() => new Detector(architecture, plan, options));
    detector.loadStateDict(original.stateDict());
    original.dispose();
    return detector;
  }
  const state = generatorState();
  manualSeed(seed);
  const detector = new Detector(architecture, plan, options);
  setGeneratorState(state);
  return detector;
}

export class Detector extends Module {
  readonly architecture: Architecture;
  readonly plan: DetectorPlan;
  readonly device: string;
  readonly #backbone: Backbone;
  readonly #proposalNetwork: ProposalNetwork;
  readonly #head: Head;

  /** Use `buildDetector`. */
  constructor(architecture: Architecture, plan: DetectorPlan, options: DetectorOptions) {
    super();
    this.architecture = architecture;
    this.plan = plan;
    this.device = options.device ?? cpu;
    const { seed: _, ...given } = options;
    const settings: CellSettings = { ...given, frozenNorms: plan.settings.frozenNorms, normDecay };
    const backbone = new Backbone(architecture, networkOptions(plan.settings), plan.endpoints, settings);
    this.#backbone = this.child('network', backbone);
    this.#proposalNetwork = this.child('proposals', new ProposalNetwork(plan, settings));
    this.#head = this.child('head', buildHead(plan, settings));
  }

  /**
   * Copies a classifier's weights into the layers that the detector shares with it, the second stage's among them.
   * @returns the names of the tensors that were copied
   */
  loadClassifier(state: Record<string, Tensor>): string[] {
    const own = [this.#backbone.stateDict(), this.#head.stateDict()];
    const copied: string[] = [];
    noGrad(() => {
      for (const [name, target] of own.flatMap(Object.entries) as [string, Tensor][]) {
        const source = state[name];
        if (source?.shape.join() !== target.shape.join()) continue;
        target.copy_(source);
        copied.push(name);
      }
    });
    return copied;
  }

  /**
   * Computes the losses of a training step; the caller provides the scope.
   * @param images [pictures, 3, height, width] on the detector's device
   * @param random chooses the anchors and proposals that learn, in each picture of the step independently of the others
   * @param progress fraction of training done, for ScheduledDropPath
   * @param first place of the first of these pictures among those of the step
   */
  losses(images: Tensor, truths: readonly Truth[], random: RandomStream, progress: number, first = 0): Losses {
    const randoms = truths.map((_, index) => random.split(`picture ${first + index}`));
    const rules = headRules[this.plan.settings.head];
    const { levels, scores } = this.#propose(images, progress);
    const extents = truths.map(({ extent }) => extent);
    const proposals = this.#proposalNetwork
      .proposals(scores, extents)
      .map((boxes) => boxes.toArray() as Float32Array<ArrayBuffer>);
    const chooser = (of: string) => randoms.map((own) => own.split(of));
    const sampled = sampleProposals(proposals, truths, rules, chooser('proposals'));
    const classified = this.#head.classify(levels, this.#classifiedBoxes(sampled, images), progress);
    return { ...anchorLosses(scores, truths, rules, chooser('anchors')), ...proposalLosses(classified, sampled) };
  }

  /** Without proposals the whole first picture is one, without a loss, so that every parameter has a gradient. */
  #classifiedBoxes({ boxes, places }: SampledProposals, images: Tensor): Proposals {
    const { device } = this;
    const input = inputOf(images);
    const isEmpty = places.length === 0;
    const corners = isEmpty ? Float32Array.of(0, 0, input[1], input[0]) : boxes;
    return {
      boxes: tensor(corners, [corners.length / 4, 4], { device }),
      places: indexTensor(isEmpty ? [0] : places, device),
      input,
    };
  }

  /**
   * Finds the objects of pictures.
   * @param images [pictures, 3, height, width] of any size, on the detector's device
   * @param extents height and width of each picture within the input
   * @throws Failure if a score is not a number
   */
  detect(images: Tensor, extents: readonly (readonly [number, number])[], options: DetectOptions = {}): FoundObjects[] {
    this.train(false);
    return scope(() =>
      noGrad(() => {
        const { levels, scores } = this.#propose(images, 1);
        const proposals = this.#proposalNetwork.proposals(scores, extents);
        return extents.map((extent, picture) => {
          const boxes = proposals[picture]!;
          const own = levels.map((level) => level.narrow(0, picture, 1));
          return this.#found(own, boxes, inputOf(images), extent, options);
        });
      }),
    );
  }

  #propose(images: Tensor, progress: number): { levels: Tensor[]; scores: AnchorScores } {
    const levels = this.#head.levels(this.#backbone.forward(images, progress));
    return { levels, scores: this.#proposalNetwork.forward(levels) };
  }

  #found(
    levels: readonly Tensor[],
    boxes: Tensor,
    input: readonly [number, number],
    extent: readonly [number, number],
    { together = proposalsTogether, leastScore = headRules[this.plan.settings.head].leastScore }: DetectOptions,
  ): FoundObjects {
    const count = boxes.shape[0]!;
    if (count === 0) return { boxes: new Float32Array(), scores: new Float32Array(), labels: new Int32Array() };
    const parts: Classified[] = [];
    for (let first = 0; first < count; first += together) {
      const some = boxes.narrow(0, first, Math.min(together, count - first));
      const places = zeros([some.shape[0]!], { dtype: 'int64', device: this.device });
      parts.push(scope(() => ({ ...this.#head.classify(levels, { boxes: some, places, input }, 1) })));
    }
    return scope(() => {
      const probabilities = cat(parts.map(({ logits }) => logits)).softmax(1); // [proposals, 1 + classes]
      if (!probabilities.isFinite().all().item())
        throw new Failure('the detector computed scores that are not numbers');
      const offsets = cat(parts.map((part) => part.offsets)); // [proposals, classes, 4]
      const classes = this.plan.classes;
      const decoded = decodeBoxes(offsets, boxes.unsqueeze(1).expand([-1, classes, -1])).reshape([-1, 4]);
      const all = clipBoxes(decoded.unsqueeze(0), [extent]).squeeze(0); // [proposals · classes, 4]
      const scores = probabilities.narrow(1, 1, classes).reshape([-1]);
      const likely = nonzero.tensor(scores.gt(leastScore)).squeeze(1);
      const chosen = all.indexSelect(0, likely);
      const theirScores = scores.indexSelect(0, likely);
      const labels = likely.remainder(classes);
      const survivors = nonMaximumSuppression(chosen, scoresOfBoxes(theirScores, chosen), {
        classes: labels,
        threshold: headRules[this.plan.settings.head].suppression,
        limit: regionRules.detections,
        perClass: regionRules.detections,
      });
      return {
        boxes: chosen.indexSelect(0, survivors).toArray() as Float32Array,
        scores: theirScores.indexSelect(0, survivors).toArray() as Float32Array,
        labels: Int32Array.from(labels.indexSelect(0, survivors).toArray()),
      };
    });
  }
}

const inputOf = (images: Tensor): [height: number, width: number] => [images.shape[2]!, images.shape[3]!];

const nonzero = operator('aten::nonzero');
