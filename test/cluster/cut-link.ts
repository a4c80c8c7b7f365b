// A link to a server that a test can cut silently: bytes go no further, and nobody is told.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CutLink implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent = false;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  static async to(port: number): Promise<CutLink> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const link = new CutLink(server);
    server.on('connection', (near) => link.#join(near, connect(port, '127.0.0.1')));
    return link;
  }

  /** From now on nothing arrives, and no connection ends. */
  silence(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** New connections work; those of the time before are dead. */
  mend(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => !this.#silent && to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#silent) to.destroy();
      });
      if (this.#silent) from.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
