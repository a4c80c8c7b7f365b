// `nasnet report --figure 5 --model …`: accepted and refused models.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { evaluationDocument } from '../../src/cli/evaluation-words.ts';
import { readOwnModels } from '../../src/cli/figure-models.ts';
import { InputError } from '../../src/failure.ts';
import { writeModel } from '../../src/model/model-file.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { tiny } from '../latency/tiny.ts';

const folder = temporaryFolder({ after });
const { network, description } = tiny();
const weights = join(folder, 'network.safetensors');
writeModel(weights, network, description);
const plan = planNetwork(nasnetA, { cells: 0, filters: 2, input: 8, classes: 2 });

const measured = { accuracy: 0.75, topFiveAccuracy: 1, loss: 0.5, images: 40, imagesPerSecond: 9, classAccuracies: [] };
const classes = { balancedAccuracy: 0.75, classImages: [], confusions: [], worst: [] };
const evaluated = evaluationDocument({
  checksum: 'verified',
  model: weights,
  images: 'photos/val',
  classes: description.classes,
  measured: { ...measured, ...classes, unreadable: [] },
  nameOf: String,
});

test('a stated accuracy and the output of evaluate become points at the cost of their networks', () => {
  const json = join(folder, 'evaluated.json');
  writeFileSync(json, JSON.stringify(evaluated));
  const cost = { input: '8', parameters: plan.trainableParameters, multiplyAdds: plan.multiplyAdds };
  const [model] = readOwnModels([`${weights}=0.5`]).models;
  assert.deepEqual(model, { name: 'network', ...cost, top1: 0.5, source: 'stated by the user' });
  const [read] = readOwnModels([json]).models;
  assert.deepEqual(read, { name: 'network', ...cost, top1: 0.75, top5: 1, source: '40 images of photos/val' });
});

test('two models with the same name are shown with their paths, and classes other than ImageNet’s cause a remark', () => {
  const { models, remarks } = readOwnModels([`${weights}=0.5`, `${weights}=0.6`]);
  assert.deepEqual(
    models.map(({ name }) => name),
    [weights, weights],
  );
  assert.match(remarks[0]!, /network\.safetensors has 2 classes, not ImageNet's: its accuracy is not comparable/);
});

test('weights that moved together with their evaluation are found', () => {
  const moved = join(folder, 'moved');
  mkdirSync(moved);
  writeModel(join(folder, 'travels.safetensors'), network, description);
  writeFileSync(
    join(moved, 'travels.json'),
    JSON.stringify({ ...evaluated, model: join(folder, 'travels.safetensors') }),
  );
  renameSync(join(folder, 'travels.safetensors'), join(moved, 'travels.safetensors'));
  assert.equal(readOwnModels([join(moved, 'travels.json')]).models[0]!.name, 'travels');
});

test('anything but an evaluation, an accuracy or a network is refused in one sentence', () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const refused = (text: string, sentence: RegExp) => {
    assert.throws(
      () => readOwnModels([text]),
      (error: Error) => error instanceof InputError && sentence.test(error.message) && !error.message.includes('\n'),
      text,
    );
  };
  refused(`${weights}=74.1`, /expected WEIGHTS\.safetensors=ACCURACY with an accuracy from 0 to 1/);
  refused(weights, /expected WEIGHTS\.safetensors=ACCURACY/);
  refused(`${weights}=`, /expected WEIGHTS\.safetensors=ACCURACY/);
  refused(join(folder, 'none.json'), /none\.json: expected evaluate's JSON, got no such file$/);
  refused(folder, /expected evaluate's JSON, got a folder/);
  refused(file('words.json', '75% right'), /words\.json: expected what `nasnet evaluate --json` printed, got no JSON$/);
  refused(file('list.json', '[]'), /list\.json: expected what `nasnet evaluate --json` printed, got/);
  refused(file('share.json', JSON.stringify({ ...evaluated, accuracy: 75 })), /share\.json: .* got accuracy: /);
  refused(file('gone.json', JSON.stringify({ ...evaluated, model: '/gone/x.safetensors' })), /x\.safetensors/);
  refused(`${file('empty.safetensors', '')}=0.5`, /empty\.safetensors/);
});
