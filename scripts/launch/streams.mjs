// What becomes of a command whose output cannot be written. A reader that has seen enough, such as `head`, ends it
// quietly; a full disk in a sentence. A closed stderr ends nothing: a search goes on without its display.
import { writeSync } from 'node:fs';

/** Node throws such errors at nobody, and a process that does not listen ends with a stack trace. Runs on Node 20. */
export function watchStreams() {
  process.stdout.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    say(`nasnet: standard output could not be written (${error.message})\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => {});
}

/** @param {string} sentence */
function say(sentence) {
  try {
    writeSync(2, sentence);
  } catch {
    // nobody listens
  }
}
