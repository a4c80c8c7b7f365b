// The page of a detector's training: losses, COCO's numbers and the precision of every category, as one HTML file
// without scripts.

import type { Evaluation } from '../../coco/coco-evaluation.ts';
import { averagePrecision, numberNames, type TwelveNumbers } from '../../coco/twelve-numbers.ts';
import type { DetectionRecipe } from '../../detect/detection-recipe.ts';
import type { DetectorSettings } from '../../detect/detector-settings.ts';
import { lossNames } from '../../detect/losses.ts';
import type { DetectionEpoch } from '../../detect/training-log.ts';
import { shareWords } from '../../detection-report/number-words.ts';
import { figure, htmlDocument, htmlText, section, table } from '../../html-parts.ts';
import { learningChart } from '../../report/chart.ts';
import { duration, whole } from '../../words.ts';

export interface TrainingSummary {
  model: string;
  parameters: number;
  multiplyAdds: number;
  settings: DetectorSettings;
  recipe: DetectionRecipe;
  epochs: readonly DetectionEpoch[];
  seconds: number;
  evaluatedOn: string;
  numbers: TwelveNumbers;
}

/** Returns the HTML text. @param names of the dataset's categories, in the evaluation's order */
export function trainingPage(summary: TrainingSummary, names: readonly string[], evaluation: Evaluation): string {
  const { model, epochs, seconds, evaluatedOn, numbers } = summary;
  const losses = epochs.flatMap(({ epoch, losses: parts }) =>
    lossNames.map((series) => ({ epoch, value: parts[series], series: lossWords[series] })),
  );
  const found = epochs.flatMap(({ epoch, AP }) => (AP === undefined ? [] : [{ epoch, value: AP, series: 'AP' }]));
  const classes = names
    .map((name, category) => [name, averagePrecision(evaluation, { category })] as const)
    .filter(([, precision]) => precision >= 0)
    .sort((one, other) => other[1] - one[1]);
  const title = `nasnet: a detector from ${model}`;
  const body = `<main>
<h1>${htmlText(title)}</h1>
<p class="lead">AP ${shareWords(numbers.AP)} on the ${evaluatedOn}, after ${duration(seconds)}.</p>
${[
  section('COCO’s numbers', table(numberNames.map((name) => [name, shareWords(numbers[name])]))),
  section('Losses', figure(learningChart(losses, 'loss', false), 'Mean loss of each epoch, by part.')),
  found.length > 1 ? section('AP during the training', figure(learningChart(found, 'AP', true))) : '',
  section('AP of each category', table(classes.map(([name, precision]) => [name, shareWords(precision)]))),
  section('How it was made', table(settingRows(summary))),
].join('\n')}
</main>`;
  return htmlDocument(title, { style, body });
}

const lossWords = {
  anchors: 'anchors',
  anchorBoxes: 'boxes of anchors',
  classes: 'classes',
  boxes: 'boxes',
} as const satisfies Record<(typeof lossNames)[number], string>;

const settingRows = ({ parameters, multiplyAdds, settings, recipe }: TrainingSummary): string[][] => [
  ['parameters', whole(parameters)],
  ['multiply-adds of a picture', whole(multiplyAdds)],
  ...[...Object.entries(settings), ...Object.entries(recipe)].map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]),
];

const style = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
.lead { font-size: 1.15rem; }
figure { margin: 0; overflow-x: auto; }
table { border-collapse: collapse; }
td { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
`;
