// Folder names of a dataset's parts, and of folders that belong to no dataset, for all commands.

/** The folder names of each part. */
const partNames = {
  train: ['train', 'training', 'trn', 'train_set', 'training_set'],
  validation: ['val', 'valid', 'validation', 'dev', 'val_set', 'validation_set'],
  test: ['test', 'testing', 'tst', 'eval', 'evaluation', 'test_set'],
} as const;

export type Part = keyof typeof partNames;

/** Folders of images without a class, and folders that systems and archives create. */
const foreign = [
  ...['unlabeled', 'unlabelled', 'unsup'],
  ...['__macosx', '@eadir', '#recycle', '$recycle.bin', 'system volume information', 'lost+found', '__pycache__'],
];

/** Returns the part of a folder by its name, ignoring case; undefined for other names. */
export function partOf(name: string): Part | undefined {
  const plain = name.toLowerCase();
  return (Object.keys(partNames) as Part[]).find((part) => (partNames[part] as readonly string[]).includes(plain));
}

/** Returns "train, training or trn". */
export const namesOf = (part: Part): string =>
  partNames[part]
    .slice(0, 3)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');

export const isHidden = (name: string): boolean => name.startsWith('.');

/** Whether a visible folder of this name belongs to no dataset. */
export const isForeign = (name: string): boolean => foreign.includes(name.toLowerCase());
