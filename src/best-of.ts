// The word that names the best trial of a study on the command line: `best-of STUDY.db`, the same as `STUDY.db#best`.

export const bestOf = 'best-of';

/** Makes one word of `best-of` and the study after it, so that it can be an argument of any command. */
export function joinBestOf(words: readonly string[]): string[] {
  return words.flatMap((word, place) => {
    const study = words[place + 1];
    if (word === bestOf && study !== undefined) return [`${word} ${study}`];
    return words[place - 1] === bestOf ? [] : [word];
  });
}
