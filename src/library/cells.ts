// `import { … } from 'nasnet/space'`: cells, decisions, plans and drawings. Plain data that also runs in a browser.

export { drawArchitecture, type PictureOptions } from '../draw/picture.ts';
export { InputError } from '../failure.ts';
export type { Layer, Shape } from '../plan/layer.ts';
export type { Layout } from '../plan/layouts.ts';
export { type NamedModel, namedModels } from '../plan/named-models.ts';
export { type Plan, type PlanOptions, planNetwork, planParameters, type Section } from '../plan/plan.ts';
export type { Architecture, Block, Cell } from '../space/architecture.ts';
export { architectureKey, canonicalArchitecture } from '../space/canonical.ts';
export { type DecisionKind, decisionKind, decisionSizes, decode, encode } from '../space/decisions.ts';
export {
  type Combiner,
  combiners,
  type Operation,
  type OperationName,
  type OperationTable,
  operations,
} from '../space/operations.ts';
export {
  type ConvolutionChoice,
  defineOperation,
  type LayerBuilder,
  type OperationSizes,
  type OwnOperation,
} from '../space/own-operation.ts';
export { parseArchitecture, parseArchitectureText } from '../space/parse.ts';
export { describeCell, printArchitecture } from '../space/print.ts';
export { nasnetA } from '../space/published.ts';
export { quick } from '../space/quick.ts';
export { sampleDecisions } from '../space/sample.ts';
export {
  defineSpace,
  type NamedSpace,
  type SearchSpace,
  type Space,
  type SpaceName,
  spaces,
} from '../space/search-space.ts';
