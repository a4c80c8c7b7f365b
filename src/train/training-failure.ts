// The error of a training that cannot continue, with a kind that a search records. Out-of-memory errors of the engine
// have the same `kind` property.

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
