// How many jobs a worker runs at once.

export class Slots {
  readonly count: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.count = count;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves when a slot is free, which another may take first. */
  async free(): Promise<void> {
    while (this.#taken >= this.count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  take(): boolean {
    if (this.#taken >= this.count) return false;
    this.#taken++;
    return true;
  }

  release(): void {
    this.#taken--;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
