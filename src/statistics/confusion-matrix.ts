// The matrix of classes and answers, from the wrong answers of an evaluation.

/** How many images of a class were taken for another one; labels are places in the list of classes. */
export interface ConfusionFinding {
  label: number;
  answer: number;
  images: number;
}

/** A cell of the matrix: so many images of a class had this answer. */
export interface MatrixCell {
  className: string;
  answer: string;
  images: number;
  /** The share of the images of the class. */
  share: number;
}

/** Returns every cell, also those without images. */
export function matrixOf(
  classes: readonly string[],
  classImages: readonly number[],
  confusions: readonly ConfusionFinding[],
): MatrixCell[] {
  const counts = classes.map(() => classes.map(() => 0));
  for (const { label, answer, images } of confusions) counts[label]![answer] = images;
  return classes.flatMap((className, label) => {
    const total = classImages[label]!;
    const wrong = counts[label]!.reduce((sum, count) => sum + count, 0);
    return classes.map((answer, place) => {
      const images = place === label ? total - wrong : counts[label]![place]!;
      return { className, answer, images, share: total === 0 ? 0 : images / total };
    });
  });
}
