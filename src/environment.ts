// The environment variables of src/, which docs/environment.md describes. Switches are read once, when the process
// starts, since every operator needs them; folders and files are read when they are needed.

/** Each switch is on unless its variable is 'off'. Tests change them temporarily. */
export const switches = {
  /** NASNET_KERNELS: nasnet's own kernels on the CPU. native/ reads their instruction set from the same variable. */
  kernels: process.env.NASNET_KERNELS !== 'off',
  /** NASNET_FUSED: networks run in fused units, otherwise layer by layer. */
  fused: process.env.NASNET_FUSED !== 'off',
  /** NASNET_GRAPH: training steps on a GPU are captured once and replayed. */
  graph: process.env.NASNET_GRAPH !== 'off',
  /** NASNET_CUDNN_TRIALS: cuDNN measures its algorithms for every new shape, otherwise it chooses by heuristics. */
  cudnnTrials: process.env.NASNET_CUDNN_TRIALS !== 'off',
};

/** Returns NASNET_ADDON: the path of a compiled addon to load instead of the package's own. */
export function namedAddon(): string | undefined {
  return process.env.NASNET_ADDON || undefined;
}

/** Returns NASNET_CACHE: a folder for prepared datasets instead of the user's cache. */
export function namedCache(): string | undefined {
  return process.env.NASNET_CACHE || undefined;
}

/** NASNET_QUEUE_…: who connects to a queue's server, and files with a password or certificates. */
export function namedQueueAccess(environment = process.env) {
  return {
    user: environment.NASNET_QUEUE_USER || undefined,
    password: environment.NASNET_QUEUE_PASSWORD || undefined,
    passwordFile: environment.NASNET_QUEUE_PASSWORD_FILE || undefined,
    authorityFile: environment.NASNET_QUEUE_CA || undefined,
    certificateFile: environment.NASNET_QUEUE_CERT || undefined,
    keyFile: environment.NASNET_QUEUE_KEY || undefined,
  };
}
