// Learning rate schedules: functions of the step, which counts from 0.

export type Schedule = (step: number) => number;

export const constant =
  (rate: number): Schedule =>
  () =>
    rate;

/** Cosine annealing from `rate` at step 0 to 0 at step `steps` (Loshchilov and Hutter, 2017, without restarts). */
export const cosine =
  (rate: number, steps: number): Schedule =>
  (step) =>
    0.5 * rate * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));

/** Linear decay from `rate` at step 0 to 0 at step `steps`. */
export const linear =
  (rate: number, steps: number): Schedule =>
  (step) =>
    rate * (1 - Math.min(step, steps) / steps);

/** Multiplies `rate` by `factor` every `steps` steps (exponential decay with TensorFlow's staircase). */
export const exponential =
  (rate: number, factor: number, steps: number): Schedule =>
  (step) =>
    rate * factor ** Math.floor(step / steps);
