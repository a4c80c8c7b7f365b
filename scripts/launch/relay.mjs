// An older Node starts the fetched one and stands in for it: the same terminal, signals passed on, the same exit. The
// two share a pipe that says nothing; it closes when the older one dies, even by kill -9, and the newer one follows.
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

const variable = 'NASNET_LAUNCHER_PIPE';
const patience = 10_000; // ms for a gentle stop after the launcher's death

/**
 * Runs a script on another Node; this process ends as it ends.
 * @param {string} node
 * @param {string[]} parameters
 */
export function relay(node, parameters) {
  const child = spawn(node, parameters, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [variable]: '3' },
  });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
  const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  child.on('error', (error) => {
    process.stderr.write(`nasnet: ${node} could not be started (${error.message})\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, pass);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

/** In the newer Node: stop gently when the launcher is gone, and for certain a little later. */
export function followLauncher() {
  const descriptor = Number(process.env[variable]);
  if (!descriptor) return false;
  delete process.env[variable]; // our own children have no such pipe
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  pipe.on('error', () => {}); // a broken pipe also ends in close
  pipe.on('close', () => {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), patience).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  pipe.resume();
  pipe.unref();
  return true;
}
