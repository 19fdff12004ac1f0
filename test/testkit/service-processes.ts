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
  /** The folder for its files; replicas share it. */
  directory: string;
  /** Another TypeScript program that starts the service; it is compiled on start. */
  program?: string;
  /** Time between retention runs of the default program, in milliseconds. */
  retentionIntervalMs?: number;
  /** Additional settings. */
  env?: Record<string, string>;
  /** Receives the output. By default, output is written to that of this process. */
  onOutput?: (text: string) => void;
}

/** The service in a process that a test can kill. */
export interface ServiceProcess {
  readonly url: string;
  /** The module files that were loaded when it was ready. */
  readonly loaded: readonly string[];
  readonly process: ChildProcess;
  /** Sends SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** Sends SIGTERM; resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Starts the service. Resolves when it is ready. */
export async function startServiceProcess(options: ServiceProcessOptions): Promise<ServiceProcess> {
  const checkout = join(__dirname, '..', '..');
  const names = [options.directory, options.redisPrefix, options.amqpPrefix];
  if (options.retentionIntervalMs) names.push(String(options.retentionIntervalMs));
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
        // Loads of tests and benchmarks act as one member of staff.
        LIMIT_ACTOR_CONCURRENCY: '1000',
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
  const received = once(child, 'message').then(([message]) => message as { url: string; loaded: string[] });
  const start = await Promise.race([received, exited.then(() => null)]);
  if (start === null) throw new Error('the service ended before it was ready');
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return { ...start, process: child, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** A staff token of the issuer that the processes of this folder trust. */
export async function staffToken(directory: string): Promise<string> {
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  return issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
}
