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

/** A RabbitMQ server that the caller can freeze, kill and start again. Its disk is kept until `remove`. */
export interface RabbitMqNode {
  readonly url: string;
  /** Resolves when the server accepts connections. */
  start(): Promise<void>;
  /** Sends SIGSTOP: the server reads nothing. */
  freeze(): void;
  /** Sends SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** Ends the process and deletes its files. */
  remove(): Promise<void>;
}

/**
 * Starts RabbitMQ with its own name, ports, folder and port mapper (epmd), separate from any other RabbitMQ on this
 * machine.
 *
 * @throws if rabbitmq-server is not installed or does not start
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
    // A process group of its own: the whole group can be killed, and Ctrl-C does not reach it.
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
  // RabbitMQ would start epmd itself and not stop it.
  const mapper = run('epmd');
  if (mapper.pid === undefined) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error("epmd, Erlang's port mapper, is not on the PATH: RabbitMQ needs it");
  }
  const endAll = () => {
    for (const child of [server, mapper]) endGroup(child);
  };
  process.once('exit', endAll);

  /** The process id of the Erlang VM; the server's script only waits for it. */
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
          if (reason !== null) throw new Error(`RabbitMQ does not start: ${reason}; ${tail(logFile)}`);
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
    // The group has no process left.
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').slice(-500);
}
