// Learning rates as functions of the step, counted from 0.

export type Schedule = (step: number) => number;

export const constant =
  (rate: number): Schedule =>
  () =>
    rate;

/** From `rate` at step 0 down to almost 0 at the last of `steps`: half a cosine (Loshchilov and Hutter, 2017, without restarts). */
export const cosine =
  (rate: number, steps: number): Schedule =>
  (step) =>
    0.5 * rate * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));

/** From `rate` at step 0 down to almost 0 at the last of `steps`, by as much at every step. */
export const linear =
  (rate: number, steps: number): Schedule =>
  (step) =>
    rate * (1 - Math.min(step, steps) / steps);

/** `rate`, multiplied by `factor` after every `steps` steps, all at once as TensorFlow's staircase has it. */
export const exponential =
  (rate: number, factor: number, steps: number): Schedule =>
  (step) =>
    rate * factor ** Math.floor(step / steps);
