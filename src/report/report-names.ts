// The names of a report's files, separate from report-files.ts, which is slow to load.

/** The best cells, each as a picture and an architecture file. */
export const pictureNames = ['best', 'second', 'third'];

/** All figures of the final network's training, as `nasnet train` writes them next to its weights. */
export const figuresName = 'network.training.json';

export const reportNames = ['report.html', ...pictureNames.flatMap((name) => [`${name}.svg`, `${name}.json`])];
