// Ports of this machine for programs that tests start.

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a program listens at a port of this machine. */
export async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isReached = await new Promise((done) =>
      socket.on('connect', () => done(true)).on('error', () => done(false)),
    );
    socket.destroy();
    if (isReached) return;
    await sleep(50);
  }
}
