// What people's files put around the names of weights: dictionaries of a checkpoint and modules that hold a model. One table for every
// format: a .pth nests them, the flat formats write them before each name.

/** In this order where a file has several: the weights as they were trained, before a moving average of them. */
const wrappers = [
  ...['state_dict', 'model_state_dict', 'model', 'net', 'network', 'backbone', 'module', '_orig_mod', 'online_model'],
  ...['state_dict_ema', 'model_ema', 'ema_state_dict', 'model_ema_state_dict', 'ema_model', 'ema', 'shadow'],
];

/** What a moving average counts beside its weights (torch's AveragedModel, ema_pytorch). */
const counters = ['n_averaged', 'num_updates', 'decay', 'step', 'initted'];

/** What a compiler or a sharder puts anywhere into a name. */
const inserted = /(?<=^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/** The one to look into, and the others; none where no name is a wrapper's. */
export function chooseWrapper(names: readonly string[]): { chosen: string; others: string[] } | undefined {
  const [chosen, ...others] = wrappers.filter((wrapper) => names.includes(wrapper));
  return chosen === undefined ? undefined : { chosen, others };
}

export interface PlainNames {
  /** By the name without wrappers: the file's own. */
  names: Map<string, string>;
  /** Wrappers whose tensors are left aside, such as `model_ema`. */
  others: string[];
}

/** Takes the wrappers off that stand before every name: `module.`, `_orig_mod.`, `model.`, `state_dict.` … */
export function plainNames(written: Iterable<string>): PlainNames {
  let entries = [...written].map((own) => ({ own, name: own }));
  const others: string[] = [];
  for (;;) {
    const counted = entries.filter(({ name }) => !counters.includes(name));
    const firsts = new Set(counted.map(({ name }) => (name.includes('.') ? name.slice(0, name.indexOf('.')) : '')));
    const choice = chooseWrapper([...firsts]);
    if (!choice || choice.others.length + 1 < firsts.size) break;
    others.push(...choice.others);
    const beginning = `${choice.chosen}.`;
    entries = counted
      .filter(({ name }) => name.startsWith(beginning))
      .map(({ own, name }) => ({ own, name: name.slice(beginning.length) }));
  }
  if (others.length > 0 || entries.some(({ own, name }) => own !== name))
    entries = entries.filter(({ name }) => !counters.includes(name));
  const names = new Map(entries.map(({ own, name }) => [name.replace(inserted, ''), own]));
  const distinct = names.size === entries.length;
  return { names: distinct ? names : new Map(entries.map(({ own, name }) => [name, own])), others };
}
