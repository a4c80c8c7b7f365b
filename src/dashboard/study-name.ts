// How a study is called where there are several.

/** Returns "laptop" for `runs/laptop/study.db`, whose own name says nothing, and "figure-6" for `figure-6.db`. */
export function studyName(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
  const own = (parts.at(-1) ?? '').replace(/\.db$/, '');
  return own === 'study' && parts.length > 1 ? parts.at(-2)! : own;
}
