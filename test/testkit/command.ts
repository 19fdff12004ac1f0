import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildCheckout, builtProgram } from './built-checkout';

/** The exit code and output of a command. */
export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Options of a command in a process of its own. */
export interface ProcessOptions {
  /** Standard input. */
  readonly stdin?: string | Buffer;
  /** The working directory; defaults to the checkout. */
  readonly cwd?: string;
  /** Called with all of standard output so far, on each chunk. */
  readonly onOutput?: (child: ChildProcess, stdout: string) => unknown;
}

/** `user-service` in a built checkout. */
export interface CommandLine {
  readonly checkout: string;
  /** Runs a command in a process that all calls share, one after the other: fast, as modules are loaded once. */
  run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult>;
  /** Runs a command in a process of its own: for exit codes, signals, standard input and fresh modules. */
  runAlone(args: readonly string[], env: NodeJS.ProcessEnv, options?: ProcessOptions): Promise<CommandResult>;
  /** Stops the shared process and removes the checkout. */
  close(): Promise<void>;
}

export function openCommandLine(): CommandLine {
  const checkout = buildCheckout();
  let host: ReturnType<typeof startHost> | undefined;
  const withPath = (env: NodeJS.ProcessEnv) => ({ PATH: process.env['PATH'], ...env });
  return {
    checkout,
    run(args, env) {
      host ??= startHost(checkout);
      return host.run(args, withPath(env));
    },
    runAlone: (args, env, options = {}) => runAlone(checkout, args, withPath(env), options),
    async close() {
      await host?.stop();
      rmSync(checkout, { recursive: true, force: true });
    },
  };
}

function runAlone(
  checkout: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { stdin = '', cwd = checkout, onOutput }: ProcessOptions,
): Promise<CommandResult> {
  const program = join(checkout, 'bin', 'user-service.js');
  const child = spawn(process.execPath, [program, ...args], { cwd, env });
  // Writing to a killed process fails.
  child.stdin.on('error', () => undefined).end(stdin);
  const ended: CommandResult = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    ended.stdout += chunk.toString();
    onOutput?.(child, ended.stdout);
  });
  child.stderr.on('data', (chunk: Buffer) => (ended.stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code })));
}

/** Runs commands one after the other in one process. */
function startHost(checkout: string) {
  const child = fork(builtProgram('command-host-process'), [checkout], { cwd: checkout, execArgv: [] });
  const exited = once(child, 'exit');
  let last: Promise<unknown> = Promise.resolve();
  const call = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> => {
    const received = once(child, 'message').then(([result]) => result as CommandResult);
    child.send({ args, env });
    const result = await Promise.race([received, exited.then(() => null)]);
    if (result === null) throw new Error(`user-service ${args.join(' ')} ended the process`);
    return result;
  };
  return {
    run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
      const ended = last.then(() => call(args, env));
      last = ended.catch(() => undefined);
      return ended;
    },
    async stop(): Promise<void> {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
