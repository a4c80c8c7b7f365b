// What was published about ImageNet networks when the paper appeared (its Tables 2 and 3, and what else its Figure 5 draws):
// accuracy of one model and one crop, against parameters and multiply-adds. Figures and where they stand, nothing computed.

export interface PublishedResult {
  /** As the paper writes it. */
  readonly model: string;
  /** Side of the square image in pixels, which the multiply-adds belong to. */
  readonly input: number;
  /** As published, rounded as published. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Share of right answers, and of right ones among the first five. */
  readonly top1: number;
  readonly top5: number;
  readonly source: string;
}

const table2 = 'NASNet paper, Table 2';
const table3 = 'NASNet paper, Table 3';

/** The networks that people designed, as the paper compares with. */
export const designedResults: readonly PublishedResult[] = [
  row('Inception V1', 224, 6.6e6, 1.448e9, 69.8, 89.9, `${table3} (top-1 from an open-source implementation)`),
  row('MobileNet-224', 224, 4.2e6, 569e6, 70.6, 89.5, table3),
  row('ShuffleNet (2x)', 224, 5e6, 524e6, 70.9, 89.8, `${table3} (about 5 M parameters)`),
  row('Inception V2', 224, 11.2e6, 1.94e9, 74.8, 92.2, table2),
  row('Inception V3', 299, 23.8e6, 5.72e9, 78.8, 94.4, table2),
  row('Xception', 299, 22.8e6, 8.38e9, 79.0, 94.5, table2),
  row('Inception-ResNet V2', 299, 55.8e6, 13.2e9, 80.1, 95.1, table2),
  row('ResNeXt-101 (64 x 4d)', 320, 83.6e6, 31.5e9, 80.9, 95.6, table2),
  row('PolyNet', 331, 92e6, 34.7e9, 81.3, 95.8, table2),
  row('DPN-131', 320, 79.5e6, 32.0e9, 81.5, 95.8, table2),
  row('SENet', 320, 145.8e6, 42.3e9, 82.7, 96.2, `${table2} (size from an open-source implementation)`),
  // Drawn in Figure 5, but in no table of the paper: their figures are their authors' own and a port's count.
  row(
    'ResNet-152',
    224,
    60.2e6,
    11.3e9,
    77.0,
    93.3,
    'drawn in Figure 5 without figures; multiply-adds: He et al. 2015, Table 1; one-crop accuracy: the release of its authors; parameters: torchvision',
  ),
  row(
    'Inception V4',
    299,
    42.7e6,
    12.3e9,
    80.2,
    95.2,
    'drawn in Figure 5 without figures; accuracy: the release in TensorFlow-Slim; parameters and multiply-adds: model card of timm/inception_v4.tf_in1k',
  ),
];

/** NASNet-A by size: the line of Figure 5. */
export const nasnetAResults: readonly PublishedResult[] = [
  row('NASNet-A (4 @ 1056)', 224, 5.3e6, 564e6, 74.0, 91.6, table3),
  row('NASNet-A (5 @ 1538)', 299, 10.9e6, 2.35e9, 78.6, 94.2, table2),
  row('NASNet-A (7 @ 1920)', 299, 22.6e6, 4.93e9, 80.8, 95.3, table2),
  row('NASNet-A (6 @ 4032)', 331, 88.9e6, 23.8e9, 82.7, 96.2, table2),
];

/** The second- and third-best searches, whose cells were published as pictures only. */
export const otherSearchedResults: readonly PublishedResult[] = [
  row('NASNet-B (4 @ 1536)', 224, 5.3e6, 488e6, 72.8, 91.3, table3),
  row('NASNet-C (3 @ 960)', 224, 4.9e6, 558e6, 72.5, 91.0, table3),
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
  return { model, input, parameters, multiplyAdds, top1: top1 / 100, top5: top5 / 100, source };
}
