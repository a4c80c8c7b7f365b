// The final network: its learning curves, test accuracy, what it gets right of each class, the files, what to type
// next.

import { shellPath } from '../../../shell-path.ts';
import type { FinalModel } from '../../../study/results.ts';
import { type IntervalRow, Intervals } from '../charts/intervals.tsx';
import { Plot } from '../charts/plot.tsx';
import type { Series } from '../charts/series.ts';
import { Confusion } from '../confusion.tsx';
import { duration, percent, rewardWords, short, whole } from '../page-words.ts';
import { Card, CopyButton, Nothing, Tile, TrialLink } from '../parts.tsx';
import type { StudyStore } from '../store.ts';
import { trainCommand } from './cells.tsx';

const mostClasses = 60;

export function FinalView({ study }: { study: StudyStore }) {
  study.watch();
  const final = study.answer.results['final model'] as FinalModel | undefined;
  if (!final)
    return (
      <Card title="The final network">
        <Nothing>
          {study.settings.evaluator
            ? 'A search with an external evaluator ends with its best cell: there is no final network.'
            : 'It is trained when the search of cells is over.'}
        </Nothing>
      </Card>
    );
  return (
    <>
      <dl class="tiles">
        <Tile
          label="Test accuracy"
          value={percent(final.testAccuracy, 2)}
          note={`of ${whole(final.testImages)} images, ± ${percent(1.96 * Math.sqrt((final.testAccuracy * (1 - final.testAccuracy)) / Math.max(1, final.testImages)), 2)} (95%)`}
          tone="first"
        />
        <Tile label="Cells of" value={`trial ${final.trial}`} note={<TrialLink trial={final.trial} />} />
        <Tile
          label="Parameters"
          value={short(final.trainableParameters)}
          note={`${short(final.multiplyAdds)} multiply-adds`}
        />
        <Tile
          label="Validation"
          value={percent(final.validationAccuracy, 2)}
          note={`test loss ${Number(final.testLoss?.toFixed?.(4))}`}
        />
        <Tile
          label="Training"
          value={duration(final.trainingSeconds)}
          note={`${whole(final.trainingImagesPerSecond)} images/s`}
        />
        {final.largestClass !== undefined && (
          <Tile label="Constant answer" value={percent(final.largestClass, 1)} note="of the most frequent class" />
        )}
      </dl>
      <Learning final={final} />
      <Classes study={study} final={final} />
      <Mistakes study={study} final={final} />
      <Next study={study} final={final} />
    </>
  );
}

function Learning({ final }: { final: FinalModel }) {
  const epochs = Array.isArray(final.epochs) ? final.epochs : [];
  const trained = epochs.map(
    ({ details }) => (details as { trainingAccuracy?: number } | undefined)?.trainingAccuracy ?? Number.NaN,
  );
  const x = epochs.map(({ epoch }) => epoch);
  const series: Series[] = [
    {
      name: 'validation',
      kind: 'line',
      x,
      y: epochs.map(({ accuracy }) => accuracy ?? Number.NaN),
      colour: '--s1',
      sorted: true,
      width: 2.2,
    },
    { name: 'training', kind: 'line', x, y: trained, colour: '--s2', sorted: true, dash: [6, 4] },
  ];
  const loss: Series[] = [
    { name: 'loss', kind: 'line', x, y: epochs.map((each) => each.loss ?? Number.NaN), colour: '--s3', sorted: true },
  ];
  if (epochs.length < 2) return null;
  return (
    <div class="columns">
      <Card title="Accuracy in training">
        <Plot
          series={series.filter(({ y }) => Array.from(y).some((value) => !Number.isNaN(value)))}
          xLabel="epoch"
          yLabel="accuracy"
          formatX={(value) => String(Number(value.toFixed(2)))}
          formatY={(value) => rewardWords(value, 1)}
          height={260}
          summary={`Accuracy over ${epochs.length} epochs; at the end ${rewardWords(epochs.at(-1)?.accuracy ?? Number.NaN)} of the held-out images.`}
        />
      </Card>
      <Card title="Loss in training">
        <Plot
          series={loss}
          xLabel="epoch"
          yLabel="loss"
          formatX={(value) => String(Number(value.toFixed(2)))}
          formatY={(value) => String(Number(value.toPrecision(3)))}
          height={260}
          summary={`Training loss over ${epochs.length} epochs.`}
        />
      </Card>
    </div>
  );
}

/** The names of the classes that the final network was tested on. */
function classNames(study: StudyStore, { classAccuracies = [] }: FinalModel): string[] {
  const dataset = study.answer.results.dataset as { classes?: string[] } | undefined;
  return classAccuracies.map((_, index) => String(dataset?.classes?.[index] ?? `class ${index}`));
}

function Mistakes({ study, final }: { study: StudyStore; final: FinalModel }) {
  study.watch();
  const { classImages, confusions } = final;
  const classes = classNames(study, final);
  if (classes.length === 0) return null;
  if (classImages && confusions)
    return <Confusion classes={classes} classImages={classImages} confusions={confusions} />;
  return (
    <Card title="What is taken for what">
      <Nothing>
        The study was made by an earlier version, which did not store it: <code>nasnet evaluate</code> finds it.
      </Nothing>
    </Card>
  );
}

function Classes({ study, final }: { study: StudyStore; final: FinalModel }) {
  study.watch();
  const accuracies = final.classAccuracies ?? [];
  const names = classNames(study, final);
  const rows = accuracies.map((accuracy, index): IntervalRow => {
    const value = accuracy ?? Number.NaN;
    const images = final.classImages?.[index] ?? final.testImages / accuracies.length;
    const [low, high] = wilson(value, images);
    return { label: names[index]!, value, low, high };
  });
  const shown = rows.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value);
  if (shown.length === 0) return null;
  return (
    <Card
      title="Accuracy of each class"
      aside={shown.length > mostClasses ? `the best and worst ${mostClasses / 2} of ${shown.length}` : undefined}
    >
      <Intervals
        rows={
          shown.length > mostClasses ? [...shown.slice(0, mostClasses / 2), ...shown.slice(-mostClasses / 2)] : shown
        }
        format={(value) => percent(value, 1)}
        caption="Share of a class’s test images that are recognised, with 95% intervals"
      />
    </Card>
  );
}

/** Wilson's 95% interval of a share. */
function wilson(share: number, count: number): [number, number] {
  const z = 1.96;
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const half = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return [middle - half, middle + half];
}

function Next({ study, final }: { study: StudyStore; final: FinalModel }) {
  study.watch();
  const folder = study.path.replace(/[^\\/]*$/, '');
  const weights = shellPath(`${folder}${final.weights}`);
  const commands: [string, string][] = [
    ['classify pictures with it', `nasnet classify ${weights} picture.jpg`],
    ['the images it is most wrong about', `nasnet evaluate ${weights} --page evaluation.html`],
    ['take it elsewhere', `nasnet export ${weights} --format onnx -o network.onnx`],
    ['train its cells larger', trainCommand(study, final.trial)],
  ];
  return (
    <Card title="What next">
      <p>
        Beside the study: <code>{final.weights}</code> (the weights with all that is needed to use them),{' '}
        <code>best.json</code>, <code>best.svg</code> and <code>report.html</code>.
      </p>
      <ul class="commands">
        {commands.map(([what, command]) => (
          <li key={what}>
            <span>{what}</span>
            <code>{command}</code>
            <CopyButton text={() => command}>Copy</CopyButton>
          </li>
        ))}
      </ul>
    </Card>
  );
}
