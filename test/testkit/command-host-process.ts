import 'reflect-metadata';
import { join } from 'node:path';
import type { runCommandLine as RunCommandLine } from '../../src/commands/command-line';

/** What to run: the words after `user-service`, and the settings. */
export interface CommandCall {
  readonly args: string[];
  readonly env: Record<string, string | undefined>;
}

/**
 * A process that runs one command of a built checkout after the other, as its parent asks for them: what a command
 * needs is then loaded once, not for each. Takes the checkout's folder; tells its parent how each command ended.
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
