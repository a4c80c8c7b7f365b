// `nasnet doctor`: reports what this machine has and lacks. The findings are those of the set-up (scripts/doctor),
// which also runs before the command line can.
import type { Command } from 'commander';
import { doctor } from '../../scripts/doctor/doctor.mjs';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what this machine has and lacks; exits 1 if something needed is missing')
    .option('--json', 'print the findings as one JSON document')
    .action((options: { json?: boolean }) => {
      process.exitCode = doctor(options);
    });
}
