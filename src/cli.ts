import 'reflect-metadata';
import { runCommandLine } from './commands/command-line';

// A closed pipe, such as `| head`: no reader is left for the results.
process.stdout.on('error', () => process.exit(1));

void runCommandLine(process.argv.slice(2)).then((code) => {
  // A failed command may leave connections open that would keep the process alive.
  if (code !== 0) process.exit(code);
});
