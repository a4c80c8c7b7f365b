// An evaluation process for the test that kills it: node evaluating.ts MODEL FOLDER STATE. Writes its counts after
// every batch and prints its progress.

import { findLabelledImages } from '../../src/data/labelled-images.ts';
import { readModel } from '../../src/model/model-file.ts';
import { fileSource } from '../../src/train/image-source.ts';
import { evaluateLong } from '../../src/train/long-evaluation.ts';

const [model, folder, state] = process.argv.slice(2) as [string, string, string];
const { network, description } = readModel(model);
const { images } = findLabelledImages(folder, description.classes, {});
const source = fileSource(images, description.preprocessing, description.network.input, 2);
await evaluateLong(network, source, { state, seconds: 0, onProgress: ({ done }) => process.stdout.write(`${done}\n`) });
