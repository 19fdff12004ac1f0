import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface BuiltServiceOptions {
  /** Settings, as an operator sets them; it listens on a free port unless told otherwise. */
  env: NodeJS.ProcessEnv;
  redisPrefix?: string;
  amqpPrefix?: string;
}

/** The service as it is shipped, in a process of its own. */
export interface BuiltService {
  readonly url: string;
  /** Sends SIGTERM and answers how the process ended. */
  terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts what `buildCheckout` built, the way `user-service serve` does, and answers when it says that it is ready. */
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
  const said: string[] = [];
  const greeted = (async () => {
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      said.push(line);
      const [, url] = /^\s*Explorer\s+(\S+)\/$/.exec(line) ?? [];
      if (url !== undefined) return url;
    }
    return undefined;
  })();
  const url = await greeted;
  if (url === undefined) throw new Error(`the service ended before it was ready: ${said.join('\n')}`);
  // Nobody reads what else it says; it must not wait for that.
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
