// A training that cannot go on, with its class, so that a search can record the child and go to the next one.
// Out of memory comes from the engine with the same `kind` property.

import { Failure } from '../failure.ts';

export class TrainingFailure extends Failure {
  override name = 'TrainingFailure';
  /** 'not-a-number': the loss is no longer finite. */
  readonly kind: 'not-a-number';

  constructor(kind: 'not-a-number', message: string) {
    super(message);
    this.kind = kind;
  }
}
