// The names of a report's files, separate from report-files.ts, which is slow to load.

/** The best cells, each as a picture and an architecture file. */
export const pictureNames = ['best', 'second', 'third'];

export const reportNames = ['report.html', ...pictureNames.flatMap((name) => [`${name}.svg`, `${name}.json`])];
