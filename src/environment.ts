// The switches that src/ reads from the environment; docs/environment.md says what each is for. What every operator asks
// for is read once, when the process starts; folders and files when they are needed.

/** Each on unless its variable is 'off'. Tests turn them for a while. */
export const switches = {
  /** NASNET_KERNELS: our own kernels on the CPU; native/ reads which version of them from the same variable. */
  kernels: process.env.NASNET_KERNELS !== 'off',
  /** NASNET_FUSED: networks of fused units, else layer by layer. */
  fused: process.env.NASNET_FUSED !== 'off',
  /** NASNET_GRAPH: training steps on a GPU are captured once and replayed. */
  graph: process.env.NASNET_GRAPH !== 'off',
  /** NASNET_CUDNN_TRIALS: cuDNN tries its algorithms at every new shape, else it chooses by rules of thumb. */
  cudnnTrials: process.env.NASNET_CUDNN_TRIALS !== 'off',
};

/** NASNET_ADDON: the compiled addon to load in place of the package's own. */
export function namedAddon(): string | undefined {
  return process.env.NASNET_ADDON || undefined;
}

/** NASNET_CACHE: the folder of prepared datasets in place of the user's cache. */
export function namedCache(): string | undefined {
  return process.env.NASNET_CACHE || undefined;
}
