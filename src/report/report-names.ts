// The files of a report. Apart from what writes them, which takes long to load.

/** The best cells, each as a picture and an architecture file. */
export const pictureNames = ['best', 'second', 'third'];

export const reportNames = ['report.html', ...pictureNames.flatMap((name) => [`${name}.svg`, `${name}.json`])];
