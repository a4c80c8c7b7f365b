import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { Failure } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { findingsOf, sentences, settingRows } from '../../src/report/findings.ts';
import { writeReport } from '../../src/report/report-files.ts';
import { ResultFiles } from '../../src/result-files.ts';
import { decode } from '../../src/space/decisions.ts';
import { parseArchitectureText } from '../../src/space/parse.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { FinalModel } from '../../src/study/results.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const rewards = [0.25, 0.5, Number.NaN, 0.375]; // NaN: a trial that failed
const decisions = rewards.map((_, number) => sampleDecisions(new RandomStream(number)));

function studyWith(name: string, count: number): Study<SearchSettings> {
  const settings = settingsOf('laptop', { dataset: 'photos <of mine>', seed: 5, strategy: 'ppo', trials: 4 });
  const study = Study.create(join(folder, name), settings);
  study.keep('dataset', { name: 'photos', source: 'here', classes: ['cat', 'dog'] });
  for (let number = 0; number < count; number++) {
    study.log.ask(number, decisions[number]!);
    study.log.start(number);
    if (Number.isNaN(rewards[number])) study.log.fail(number, { kind: 'not-a-number', message: 'step 3 <&>' }, 2);
    else study.log.finish(number, { reward: rewards[number]!, seconds: 2 });
  }
  return study;
}

/** The network of trial 1's cell, the best of the four. */
const finalModel: FinalModel = {
  trial: 1,
  trainableParameters: 1234567,
  multiplyAdds: 7654321,
  validationAccuracy: 0.6,
  testAccuracy: 0.625,
  testLoss: 1.25,
  testImages: 800,
  classAccuracies: [0.5, 0.75],
  balancedAccuracy: 0.625,
  classImages: [400, 400],
  confusions: [
    { label: 0, answer: 1, images: 200 },
    { label: 1, answer: 0, images: 100 },
  ],
  best: { epoch: 1, accuracy: 0.61, balancedAccuracy: 0.61, loss: 1 },
  trainingSeconds: 61,
  trainingImagesPerSecond: 99,
  weights: 'network.safetensors',
  epochs: [1, 2].map((epoch) => ({
    epoch,
    loss: 1,
    accuracy: 0.3 * epoch,
    details: { trainingAccuracy: 0.25 * epoch },
  })),
};

test('the best cells come first, and the sentences contain the figures', () => {
  using study = studyWith('four.db', 4);
  const findings = findingsOf(study, 2);
  assert.deepEqual(
    findings.top.map(({ trial, reward }) => [trial, reward]),
    [
      [1, 0.5],
      [3, 0.375],
    ],
  );
  assert.deepEqual(findings.top[0]!.architecture, decode(decisions[1]!));
  const text = sentences(findings).join(' ');
  assert.match(text, /tried 4 of 4 cells on photos <of mine>, 1 failed/);
  assert.match(text, /classifies 50\.0% of the held-out images right; the mean of all children is 37\.5%/);
});

test('the report has a dot for every child, a picture for each of the best, the failures and the settings', () => {
  using study = studyWith('report.db', 4);
  study.keep('final model', finalModel);
  const written = writeReport(study, join(folder, 'out'), new ResultFiles({ of: 'a test' }));
  const text = readFileSync(join(folder, 'out', 'report.html'), 'utf8');
  const { document } = parseHTML(text);
  const dots = document.querySelector('figure')!.querySelectorAll('[aria-label="dot"] circle');
  assert.equal(dots.length, 3, 'the failed child has no dot');
  assert.equal(document.querySelectorAll('article svg').length, 3);
  const page = document.body.textContent!.replace(/\s+/g, ' ');
  for (const words of [
    'not-a-number',
    'step 3 <&>',
    '62.50% of 800 images',
    '1,234,567',
    'photos <of mine>',
    'child.recipe.epochs',
    'What is confused most: 2 pairs.',
    'catdog20050.0%',
    '1, validation accuracy 61.00%',
    'dog',
  ]) {
    assert.ok(page.includes(words), words);
  }
  assert.deepEqual(
    parseArchitectureText(readFileSync(join(folder, 'out', 'best.json'), 'utf8')),
    decode(decisions[1]!),
  );
  assert.equal(written.length, 7); // the page, and three times a picture and an architecture
});

test('the commands of the report can be pasted: paths are quoted, and the weights are where the results are', () => {
  using study = studyWith("one's own.db", 4);
  study.keep('final model', finalModel);
  const results = join(folder, 'my results');
  const commands = (directory: string) => {
    writeReport(study, directory, new ResultFiles({ of: 'a test' }));
    const { document } = parseHTML(readFileSync(join(directory, 'report.html'), 'utf8'));
    return [...document.querySelectorAll('code')].map(({ textContent }) => textContent);
  };
  const quoted = `'${folder}/one'\\''s own.db'`;
  const ofStudy = [`nasnet show ${quoted}`, `nasnet report ${quoted} -o DIR`];
  assert.deepEqual(commands(results), ofStudy, 'no weights are there');
  const { weights } = finalModel;
  const evaluated = (path: string) => `nasnet evaluate ${path} 'photos <of mine>' --page network.html`;
  writeFileSync(join(results, weights), '');
  assert.deepEqual(commands(results), [...ofStudy, evaluated(`'${results}/${weights}'`)]);
  writeFileSync(join(folder, weights), '');
  assert.deepEqual(commands(join(folder, 'later')), [...ofStudy, evaluated(`${folder}/${weights}`)]);
});

test('a final network is that of its own cell when further trials found a better one', () => {
  using study = studyWith('extended.db', 3);
  study.keep('final model', finalModel);
  const said = () => {
    writeReport(study, join(folder, 'extended'), new ResultFiles({ of: 'a test' }));
    const { document } = parseHTML(readFileSync(join(folder, 'extended', 'report.html'), 'utf8'));
    const titles = [...document.querySelectorAll('h2')].map(({ textContent }) => textContent);
    return [...sentences(findingsOf(study)), ...titles].join('\n');
  };
  assert.match(said(), /in 1 min 1 s, it classifies 62\.50% of the 800 test images/);
  assert.match(said(), /^The network built from the best cell$/m);
  study.log.ask(3, decisions[3]!);
  study.log.start(3);
  study.log.finish(3, { reward: 0.75, seconds: 2 });
  assert.match(said(), /The best cell is that of trial 3: .* in 1 min 1 s, the cell of trial 1 classifies 62\.50%/s);
  assert.match(said(), /^The network built from the cell of trial 1$/m);
});

test('settings are rows, a list of numbers is one', () => {
  const settings = { known: [[0, 3, 1]], child: { epochs: 1 }, arms: [{ name: 'ppo' }] };
  assert.deepEqual(settingRows(settings), [
    ['known.0', '0, 3, 1'],
    ['child.epochs', '1'],
    ['arms.0.name', 'ppo'],
  ]);
});

test('a study that has just started gets a report too', () => {
  using study = studyWith('begun.db', 0);
  writeReport(study, join(folder, 'begun'), new ResultFiles({ of: 'a test' }));
  assert.match(readFileSync(join(folder, 'begun', 'report.html'), 'utf8'), /No child has finished yet/);
});

test('the report of a study whose children all failed has the failures', () => {
  using study = studyWith('failed.db', 0);
  study.log.ask(0, decisions[0]!);
  study.log.start(0);
  study.log.fail(0, { kind: 'out-of-memory', message: 'step 1 <&>' }, 2);
  writeReport(study, join(folder, 'failed'), new ResultFiles({ of: 'a test' }));
  const { document } = parseHTML(readFileSync(join(folder, 'failed', 'report.html'), 'utf8'));
  const [search, best] = [...document.querySelectorAll('section')].map(({ textContent }) => textContent);
  assert.match(search!, /No child has a reward\..*Failed children.*out-of-memory.*step 1 <&>/s);
  assert.match(best!, /No child has a reward\./);
});

test('a folder that cannot be written is an error of one sentence', () => {
  using study = studyWith('unwritable.db', 2);
  const file = join(folder, 'a file');
  writeFileSync(file, '');
  assert.throws(
    () => writeReport(study, join(file, 'report'), new ResultFiles({ of: 'a test' })),
    (error: Error) => {
      return error instanceof Failure && /a file\/report: the folder could not be created \(E/.test(error.message);
    },
  );
});
