// Removes the wrappers around the names of weights: dictionaries of a checkpoint and modules that contain the model.
// One table for every format: a .pth file nests wrappers, the flat formats put them before each name.

/** In order of preference if a file has several: the trained weights come before a moving average of them. */
const wrappers = [
  ...['state_dict', 'model_state_dict', 'model', 'net', 'network', 'backbone', 'module', '_orig_mod', 'online_model'],
  ...['state_dict_ema', 'model_ema', 'ema_state_dict', 'model_ema_state_dict', 'ema_model', 'ema', 'shadow'],
];

/** The counters of a moving average (torch's AveragedModel, ema_pytorch). */
const counters = ['n_averaged', 'num_updates', 'decay', 'step', 'initted'];

/** Parts that a compiler or sharding inserts anywhere in a name. */
const insertedPart = /(?<=^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/** Returns the preferred wrapper among the names, and the other wrappers; undefined if there is none. */
export function chooseWrapper(names: readonly string[]): { chosen: string; others: string[] } | undefined {
  const [chosen, ...others] = wrappers.filter((wrapper) => names.includes(wrapper));
  return chosen === undefined ? undefined : { chosen, others };
}

export interface PlainNames {
  /** The file's names by the name without wrappers. */
  names: Map<string, string>;
  /** Wrappers whose tensors are ignored, such as `model_ema`. */
  others: string[];
}

/** Removes the wrappers that precede every name: `module.`, `_orig_mod.`, `model.`, `state_dict.` … */
export function plainNames(fileNames: Iterable<string>): PlainNames {
  let entries = [...fileNames].map((fileName) => ({ fileName, name: fileName }));
  const others: string[] = [];
  for (;;) {
    const tensorEntries = entries.filter(({ name }) => !counters.includes(name));
    const firstParts = new Set(
      tensorEntries.map(({ name }) => (name.includes('.') ? name.slice(0, name.indexOf('.')) : '')),
    );
    const choice = chooseWrapper([...firstParts]);
    if (!choice || choice.others.length + 1 < firstParts.size) break;
    others.push(...choice.others);
    const prefix = `${choice.chosen}.`;
    entries = tensorEntries
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ fileName, name }) => ({ fileName, name: name.slice(prefix.length) }));
  }
  if (others.length > 0 || entries.some(({ fileName, name }) => fileName !== name))
    entries = entries.filter(({ name }) => !counters.includes(name));
  const names = new Map(entries.map(({ fileName, name }) => [name.replace(insertedPart, ''), fileName]));
  const distinct = names.size === entries.length;
  return { names: distinct ? names : new Map(entries.map(({ fileName, name }) => [name, fileName])), others };
}
