// What a network takes for what: the matrix of classes and answers, or, of many classes, the pairs it confuses most.

import { type ConfusionFinding, matrixOf } from '../../statistics/confusion-matrix.ts';
import { percent, whole } from './page-words.ts';
import { Card } from './parts.tsx';
import { TableDetails } from './table-details.tsx';

const mostClassesInMatrix = 20;
const mostPairs = 200;

interface Props {
  classes: readonly string[];
  classImages: readonly number[];
  confusions: readonly ConfusionFinding[];
}

export function Confusion({ classes, classImages, confusions }: Props) {
  const isMatrix = classes.length <= mostClassesInMatrix;
  const shown = Math.min(mostPairs, confusions.length);
  return (
    <Card title="What is taken for what">
      {isMatrix && <Matrix classes={classes} classImages={classImages} confusions={confusions} />}
      {confusions.length === 0 ? (
        <p class="quiet">No image was taken for another class.</p>
      ) : (
        <TableDetails
          summary="The pairs that are confused most"
          open={!isMatrix}
          caption={shown < confusions.length ? `The first ${shown} of ${whole(confusions.length)} pairs` : undefined}
          heads={['class', 'taken for', 'images', 'of the class']}
          rows={() =>
            confusions
              .slice(0, shown)
              .map(({ label, answer, images }) => [
                classes[label],
                classes[answer],
                whole(images),
                percent(images / classImages[label]!, 1),
              ])
          }
        />
      )}
    </Card>
  );
}

function Matrix({ classes, classImages, confusions }: Props) {
  const cells = matrixOf(classes, classImages, confusions);
  const rows = classes.map((name, label) => ({
    name,
    cells: cells.slice(label * classes.length, (label + 1) * classes.length),
  }));
  return (
    <div class="scroll">
      <table class="confusion">
        <caption>
          A row is a class, a column an answer; the numbers are test images. The darker, the larger the share of the
          class.
        </caption>
        <thead>
          <tr>
            <th scope="col">class</th>
            {classes.map((name) => (
              <th key={name} scope="col">
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              {row.cells.map(({ answer, images, share }) => (
                <td
                  key={answer}
                  class={answer === row.name ? 'right' : 'wrong'}
                  style={{ '--share': share.toFixed(3) }}
                  title={`${row.name} taken for ${answer}: ${whole(images)} images, ${percent(share, 1)} of the class`}
                >
                  {images === 0 ? '' : whole(images)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
