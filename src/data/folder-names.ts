// What people call the parts of a dataset, and folders that are none of it. One table for every command.

/** A dataset's part, and the names of its folder. */
const partNames = {
  train: ['train', 'training', 'trn', 'train_set', 'training_set'],
  validation: ['val', 'valid', 'validation', 'dev', 'val_set', 'validation_set'],
  test: ['test', 'testing', 'tst', 'eval', 'evaluation', 'test_set'],
} as const;

export type Part = keyof typeof partNames;

/** Folders whose images have no class, and what systems and archives leave beside one's own files. */
const foreign = [
  ...['unlabeled', 'unlabelled', 'unsup'],
  ...['__macosx', '@eadir', '#recycle', '$recycle.bin', 'system volume information', 'lost+found', '__pycache__'],
];

/** The part that a folder of this name is, upper or lower case; undefined for other names. */
export function partOf(name: string): Part | undefined {
  const plain = name.toLowerCase();
  return (Object.keys(partNames) as Part[]).find((part) => (partNames[part] as readonly string[]).includes(plain));
}

/** "train, training or trn" */
export const namesOf = (part: Part): string =>
  partNames[part]
    .slice(0, 3)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');

export const isHidden = (name: string): boolean => name.startsWith('.');

/** Whether a folder of this name, not hidden, belongs to no dataset. */
export const isForeign = (name: string): boolean => foreign.includes(name.toLowerCase());
