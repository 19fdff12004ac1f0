import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { builtProgram } from './built-checkout';

export interface ServiceProcessOptions {
  databaseUrl: string;
  redisUrl: string;
  amqpUrl: string;
  redisPrefix: string;
  amqpPrefix: string;
  /** Where it keeps its files; replicas share it. */
  directory: string;
  /** Another program that starts the service: TypeScript, compiled when it starts. */
  program?: string;
  /** More settings. */
  env?: Record<string, string>;
  /** Is told what it writes; without it, that is written here. */
  onOutput?: (text: string) => void;
}

/** The service in a process of its own, which may be killed. */
export interface ServiceProcess {
  readonly url: string;
  /** The files of code that it had loaded when it was ready. */
  readonly loaded: readonly string[];
  readonly process: ChildProcess;
  /** Ends it without a warning, and answers when it is gone. */
  kill(): Promise<void>;
  /** Asks it to end. */
  stop(): Promise<void>;
}

/** Starts the service and answers when it is ready. */
export async function startServiceProcess(options: ServiceProcessOptions): Promise<ServiceProcess> {
  const checkout = join(__dirname, '..', '..');
  const names = [options.directory, options.redisPrefix, options.amqpPrefix];
  const child = fork(
    options.program ? join(checkout, 'scripts', 'run.cjs') : builtProgram('service-process'),
    options.program ? [options.program, ...names] : names,
    {
      cwd: checkout,
      execArgv: [],
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'fatal',
        DATABASE_URL: options.databaseUrl,
        REDIS_URL: options.redisUrl,
        AMQP_URL: options.amqpUrl,
        ...options.env,
      },
      silent: options.onOutput !== undefined,
    },
  );
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => options.onOutput?.(chunk.toString()));
  const exited = once(child, 'exit');
  const told = once(child, 'message').then(([message]) => message as { url: string; loaded: string[] });
  const start = await Promise.race([told, exited.then(() => null)]);
  if (start === null) throw new Error('the service ended before it was ready');
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return { ...start, process: child, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** A token of a member of staff, from the issuer that the processes of this folder trust. */
export async function staffToken(directory: string): Promise<string> {
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  return issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
}
