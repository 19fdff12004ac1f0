import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface BuiltServiceOptions {
  /** The settings. `PORT` defaults to a free port. */
  env: NodeJS.ProcessEnv;
  redisPrefix?: string;
  amqpPrefix?: string;
}

/** The service in a process of its own, as it is shipped. */
export interface BuiltService {
  readonly url: string;
  /** Sends SIGTERM and resolves to the exit code or signal. */
  terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts the service in a folder of `buildCheckout`, as `user-service serve` does. Resolves when it is ready. */
export async function startBuiltService(
  checkout: string,
  { env, ...names }: BuiltServiceOptions,
): Promise<BuiltService> {
  const program = `require('reflect-metadata'); void require('./dist/src/main').serve(process.env, ${JSON.stringify(names)})`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program], {
    cwd: checkout,
    env: { PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'fatal', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines: string[] = [];
  const readUrl = async () => {
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      lines.push(line);
      const [, url] = /^\s*Explorer\s+(\S+)\/$/.exec(line) ?? [];
      if (url !== undefined) return url;
    }
    return undefined;
  };
  const url = await readUrl();
  if (url === undefined) throw new Error(`the service ended before it was ready: ${lines.join('\n')}`);
  // A full pipe would block the process.
  child.stderr?.resume();
  return {
    url,
    async terminate() {
      child.kill('SIGTERM');
      const [code, signal] = await exited;
      return { code, signal };
    },
  };
}
