import 'reflect-metadata';
import { join } from 'node:path';
import type { runCommandLine as RunCommandLine } from '../../src/commands/command-line';

/** A command to run: the arguments after `user-service`, and the environment. */
export interface CommandCall {
  readonly args: string[];
  readonly env: Record<string, string | undefined>;
}

/**
 * Runs commands of a built checkout one after the other in one process, so that modules are loaded once. The argument
 * is the checkout's folder; the parent sends commands and receives a `CommandResult` for each.
 */
const { runCommandLine } = require(
  join(process.argv[2] ?? '', 'dist', 'src', 'commands', 'command-line.js'),
) as {
  runCommandLine: typeof RunCommandLine;
};

async function run({ args, env }: CommandCall): Promise<void> {
  const written = { stdout: '', stderr: '' };
  process.env = { ...env };
  process.exitCode = undefined;
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = ((text: string | Uint8Array, ...rest: unknown[]) => {
      written[name] += text.toString();
      (rest.at(-1) as (() => void) | undefined)?.();
      return true;
    }) as typeof process.stdout.write;
  const code = await runCommandLine(args);
  process.send?.({ code, ...written });
}

process.once('disconnect', () => process.exit(0));
process.on('message', (call: CommandCall) => void run(call));
