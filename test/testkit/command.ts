import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildCheckout, builtProgram } from './built-checkout';

/** What a command left behind. */
export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How a command that has a process of its own is run. */
export interface ProcessOptions {
  /** What it reads on standard input. */
  readonly stdin?: string | Buffer;
  /** Where it is started; the checkout unless told. */
  readonly cwd?: string;
  /** Hears of results as they come. */
  readonly onOutput?: (child: ChildProcess, stdout: string) => unknown;
}

/** `user-service` of a built checkout of one's own. */
export interface CommandLine {
  readonly checkout: string;
  /** Runs a command to its end: one after the other in one process, which loads everything once. */
  run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult>;
  /** Runs a command to its end as a person does: in a process of its own, which ends with its exit code. */
  runAlone(args: readonly string[], env: NodeJS.ProcessEnv, options?: ProcessOptions): Promise<CommandResult>;
  /** Ends what runs, and removes the checkout. */
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
  // A process that is killed reads no further.
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
    const answered = once(child, 'message').then(([answer]) => answer as CommandResult);
    child.send({ args, env });
    const answer = await Promise.race([answered, exited.then(() => null)]);
    if (answer === null) throw new Error(`user-service ${args.join(' ')} ended the process`);
    return answer;
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
