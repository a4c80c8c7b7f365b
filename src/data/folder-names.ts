// Folder names of a dataset's parts, and of folders that belong to no dataset, for all commands.

/** The folder names of each part. */
const partNames = {
  train: ['train', 'training', 'trn'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing', 'tst', 'eval', 'evaluation'],
} as const;

/** Words beside the name of a part that say nothing: train_images, "Training Data", test-set, images_val, trainset. */
const beside = /^(?:set|split|part|fold(?:er)?|data|dataset|images?|imgs?|photos?|pictures?|pics?)$/;

export type Part = keyof typeof partNames;

/** Folders of images without a class, and folders that systems and archives create. */
const foreign = [
  ...['unlabeled', 'unlabelled', 'unsup'],
  ...['__macosx', '@eadir', '#recycle', '$recycle.bin', 'system volume information', 'lost+found', '__pycache__'],
];

/** Returns the part of a folder by its name, ignoring case and words beside it; undefined for other names. */
export function partOf(name: string): Part | undefined {
  const words = name
    .toLowerCase()
    .replace(/^([a-z]{3,})set$/, '$1')
    .split(/[\s_.-]+/)
    .filter((word) => word !== '' && !beside.test(word));
  if (words.length !== 1) return undefined;
  return (Object.keys(partNames) as Part[]).find((part) => (partNames[part] as readonly string[]).includes(words[0]!));
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
