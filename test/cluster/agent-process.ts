// Run by tests as a process of its own, to be killed and stopped: a worker of the searches on a server.

import { newAgent } from './cluster.ts';

export interface AgentProcess {
  port: number;
  /** Default: 127.0.0.1. */
  host?: string;
  slots?: number;
  /** Milliseconds by which its clock is wrong. */
  clock?: number;
  /** The evaluator module, relative to this file. */
  evaluator?: string;
}

const {
  port,
  host = '127.0.0.1',
  slots = 1,
  clock = 0,
  evaluator = '../workers/evaluator.ts',
}: AgentProcess = JSON.parse(process.argv[2]!);
if (clock !== 0) {
  const now = Date.now;
  Date.now = () => now() + clock;
}
const { agent, lines } = await newAgent(
  { host, port, tls: false, database: 0 },
  { slots, evaluator: new URL(evaluator, import.meta.url) },
);
process.on('SIGTERM', async () => {
  agent.giveBack();
  await agent.close();
  process.exit(0);
});
const push = lines.push.bind(lines);
lines.push = (line) => {
  process.stdout.write(`${line}\n`);
  return push(line);
};
process.stdout.write('ready\n');
