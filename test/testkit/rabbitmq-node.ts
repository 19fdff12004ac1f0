import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { eventually } from './eventually';
import { freePort } from './redis-server';
import { rabbitmq, unavailableReason } from './service-probes';
import { findProgram, rabbitmqEnvironment, searchPath } from './service-startup';

const startLimitMs = 90_000;

/** A RabbitMQ of the caller's own, which it may freeze, kill without a warning and start again: its disk stays. */
export interface RabbitMqNode {
  readonly url: string;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** SIGSTOP: what is sent to it is not read. */
  freeze(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Takes away the process and everything on the disk. */
  remove(): Promise<void>;
}

/**
 * Starts RabbitMQ with a name, ports, a folder and a port mapper (epmd) of its own: it shares nothing with a
 * RabbitMQ that this machine may run.
 *
 * @throws where this machine has no rabbitmq-server, or it does not come up
 */
export async function startRabbitMqNode(): Promise<RabbitMqNode> {
  const program = findProgram(rabbitmq);
  if (program === null)
    throw new Error('rabbitmq-server is not on this machine: install it (apt-get install rabbitmq-server)');
  const directory = mkdtempSync(join(tmpdir(), 'user-service-rabbitmq-'));
  const logFile = join(directory, 'output.log');
  const [port, distributionPort, mapperPort] = [await freePort(), await freePort(), await freePort()];
  const node = `user-service-${randomBytes(4).toString('hex')}`;
  const environment = {
    ...process.env,
    PATH: searchPath().join(delimiter),
    ...rabbitmqEnvironment(directory, { node, port }),
    RABBITMQ_DIST_PORT: String(distributionPort),
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  writeFileSync(join(directory, 'enabled_plugins'), '[].\n');
  const url = `amqp://guest:guest@127.0.0.1:${port}`;

  const run = (file: string): ChildProcess => {
    const output = openSync(logFile, 'a');
    // A group of its own, so that all of it can be ended; and no Ctrl-C ends it in an order of its own.
    const child = spawn(file, [], {
      cwd: directory,
      env: environment,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    child.on('error', () => undefined);
    return child;
  };
  let server: ChildProcess | undefined;
  // RabbitMQ would start one for itself, and leave it behind.
  const mapper = run('epmd');
  if (mapper.pid === undefined) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error("epmd, Erlang's port mapper, is not on the PATH: RabbitMQ needs it");
  }
  const endAll = () => {
    for (const child of [server, mapper]) endGroup(child);
  };
  process.once('exit', endAll);

  /** The Erlang machine: the server's script only waits for it. */
  const pid = () => Number(readFileSync(join(directory, 'rabbitmq.pid'), 'utf8'));
  const ended = async (child: ChildProcess | undefined) => {
    if (child?.pid && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  const owned: RabbitMqNode = {
    url,
    async start() {
      rmSync(join(directory, 'rabbitmq.pid'), { force: true });
      const child = run(program);
      server = child;
      await eventually(
        async () => {
          const reason = await unavailableReason(rabbitmq, url);
          if (reason !== null) throw new Error(`RabbitMQ does not come up: ${reason}; ${tail(logFile)}`);
        },
        { timeoutMs: startLimitMs, intervalMs: 50 },
      );
    },
    freeze: () => void process.kill(pid(), 'SIGSTOP'),
    async kill() {
      process.kill(pid(), 'SIGKILL');
      await ended(server);
    },
    async remove() {
      process.off('exit', endAll);
      endAll();
      await Promise.all([ended(server), ended(mapper)]);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await owned.start();
  } catch (error) {
    await owned.remove();
    throw error;
  }
  return owned;
}

function endGroup(child: ChildProcess | undefined): void {
  if (!child?.pid) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').slice(-500);
}
