import 'reflect-metadata';
import { runCommandLine } from './commands/command-line';

// Whoever read the results has gone, as `head` does.
process.stdout.on('error', () => process.exit(1));

void runCommandLine(process.argv.slice(2)).then((code) => {
  // Nothing that a failed command left open keeps its process.
  if (code !== 0) process.exit(code);
});
