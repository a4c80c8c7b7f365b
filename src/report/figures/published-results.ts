// Published figures of the ImageNet networks that the paper compares NASNets with (Tables 2 and 3, and Figure 5):
// single-model, single-crop accuracy, parameters and multiply-adds, with their sources. The NASNets are in
// plan/family.ts.

export interface PublishedResult {
  /** The name in the paper. */
  readonly model: string;
  /** Side of the square image in pixels, for which the multiply-adds are counted. */
  readonly input: number;
  /** As published, rounded. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Top-1 and top-5 accuracy, 0 to 1. */
  readonly top1: number;
  readonly top5: number;
  readonly source: string;
}

const table2 = 'paper, Table 2';
const table3 = 'paper, Table 3';

/** Networks that people designed. */
export const designedResults: readonly PublishedResult[] = [
  row('Inception V1', 224, 6.6e6, 1.448e9, 0.698, 0.899, `${table3} (top-1 from an open-source implementation)`),
  row('MobileNet-224', 224, 4.2e6, 569e6, 0.706, 0.895, table3),
  row('ShuffleNet (2x)', 224, 5e6, 524e6, 0.709, 0.898, `${table3} (about 5 M parameters)`),
  row('Inception V2', 224, 11.2e6, 1.94e9, 0.748, 0.922, table2),
  row('Inception V3', 299, 23.8e6, 5.72e9, 0.788, 0.944, table2),
  row('Xception', 299, 22.8e6, 8.38e9, 0.79, 0.945, table2),
  row('Inception-ResNet V2', 299, 55.8e6, 13.2e9, 0.801, 0.951, table2),
  row('ResNeXt-101 (64 x 4d)', 320, 83.6e6, 31.5e9, 0.809, 0.956, table2),
  row('PolyNet', 331, 92e6, 34.7e9, 0.813, 0.958, table2),
  row('DPN-131', 320, 79.5e6, 32.0e9, 0.815, 0.958, table2),
  row('SENet', 320, 145.8e6, 42.3e9, 0.827, 0.962, `${table2} (size from an open-source implementation)`),
  // In Figure 5 but in no table of the paper; each source names where the figures are from.
  row(
    'ResNet-152',
    224,
    60.2e6,
    11.3e9,
    0.77,
    0.933,
    'drawn in Figure 5 without figures; multiply-adds: He et al. 2015, Table 1; one-crop accuracy: the release of its authors; parameters: torchvision',
  ),
  row(
    'Inception V4',
    299,
    42.7e6,
    12.3e9,
    0.802,
    0.952,
    'drawn in Figure 5 without figures; accuracy: the release in TensorFlow-Slim; parameters and multiply-adds: model card of timm/inception_v4.tf_in1k',
  ),
];

function row(
  model: string,
  input: number,
  parameters: number,
  multiplyAdds: number,
  top1: number,
  top5: number,
  source: string,
): PublishedResult {
  return { model, input, parameters, multiplyAdds, top1, top5, source };
}
