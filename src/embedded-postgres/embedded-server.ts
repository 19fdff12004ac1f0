import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { EmbeddedAccount } from './embedded-account';
import type { EmbeddedBinaries } from './embedded-binaries';
import { readPostmaster } from './embedded-cluster';
import { EmbeddedPostgresError } from './embedded-errors';
import { stopPostgresProcess, stopPostgresWhenThisProcessEnds } from './embedded-process';

export interface ServerOptions {
  /** Path of PostgreSQL's files. */
  readonly cluster: string;
  /** Receives PostgreSQL's own log. */
  readonly logFile: string;
  /** Port on 127.0.0.1, or null for a free one. */
  readonly port: number | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly binaries: EmbeddedBinaries;
  readonly account: EmbeddedAccount;
  readonly log: (line: string) => void;
}

const startLimitMs = 60_000;
/** Time to stop before SIGKILL. */
const killAfterMs = 6_000;
const pollIntervalMs = 20;

/** A PostgreSQL server on a cluster's files. It is restarted on the same port if it ends unexpectedly. */
export class EmbeddedServer {
  #port: number | null;
  #child: ChildProcess | null = null;
  /** Stops the shell that would stop PostgreSQL after this process. */
  #stopGuard: () => void = () => undefined;
  #stopping = false;
  #restarting: Promise<void> | null = null;

  constructor(private readonly options: ServerOptions) {
    this.#port = options.port;
  }

  get port(): number {
    if (this.#port === null) throw new Error('The embedded PostgreSQL has not started.');
    return this.#port;
  }

  /**
   * Resolves when PostgreSQL accepts connections on 127.0.0.1, or when `stop` was called before.
   *
   * @throws EmbeddedPostgresError with the last lines of its log if it is not ready within 60 s.
   */
  async start(): Promise<void> {
    const deadline = Date.now() + startLimitMs;
    while (!this.#stopping) {
      const port = this.#port ?? (await findFreePort());
      const failure = await this.#launch(port, deadline);
      if (failure === null) {
        this.#port = port;
        return;
      }
      const portWasTaken = this.#port === null && /Address already in use/.test(failure);
      // After a SIGKILL of PostgreSQL, its last child processes run for a moment longer.
      const isPredecessorEnding =
        /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(failure);
      if (Date.now() > deadline || !(portWasTaken || isPredecessorEnding)) {
        throw new EmbeddedPostgresError(
          `The embedded PostgreSQL did not start. The end of ${this.options.logFile}:\n${failure}`,
        );
      }
      await delay(200);
    }
  }

  /**
   * Stops PostgreSQL within 8 s and rolls open transactions back. Committed data is on disk.
   *
   * @throws Error when the process survives SIGKILL.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#stopChild();
    await this.#restarting;
    // A restart in progress may have started another process.
    await this.#stopChild();
  }

  async #stopChild(): Promise<void> {
    const child = this.#child;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    // Without the reference, this process could end before it receives the exit event.
    child.ref();
    await stopPostgresProcess(child.pid, killAfterMs);
    await exited;
  }

  /** Returns null when the server is ready, or the end of its log if it ended or was not ready in time. */
  async #launch(port: number, deadline: number): Promise<string | null> {
    const { cluster, logFile, settings, binaries, account } = this.options;
    const allSettings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      // No socket files, because their path is limited to 107 bytes.
      unix_socket_directories: '',
      timezone: 'UTC',
      log_timezone: 'UTC',
      // Statements and error details contain personal data.
      log_min_error_statement: 'panic',
      log_error_verbosity: 'terse',
      ...settings,
    };
    const options = Object.entries(allSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [file = '', ...args] = [...account.prefix, binaries.postgres, '-D', cluster, ...options];
    const logStart = existsSync(logFile) ? (await stat(logFile)).size : 0;
    const output = openSync(logFile, 'a', 0o600);
    const child = spawn(file, args, {
      ...account.identity,
      cwd: cluster,
      env: binaries.environment,
      // Its own session, so that Ctrl-C reaches only the service, which stops PostgreSQL last.
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    child.unref();
    this.#child = child;
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`exit ${code ?? signal}`));
    });
    if (child.pid) this.#stopGuard = stopPostgresWhenThisProcessEnds(child.pid);
    const state: { end: string | null } = { end: null };
    void ended.then((text) => {
      state.end = text;
      this.#stopGuard();
    });

    for (;;) {
      const postmaster = await readPostmaster(cluster);
      if (state.end === null && postmaster?.pid === child.pid && postmaster?.ready) break;
      if (state.end !== null) return `${await readEnd(logFile, logStart)}\n${state.end}`;
      if (Date.now() > deadline) {
        await this.#stopChild();
        return `${await readEnd(logFile, logStart)}\nnot ready in time`;
      }
      await delay(pollIntervalMs);
    }
    void ended.then((text) => this.#restart(text));
    return null;
  }

  /** Restarts the server that ended by itself. If that fails, logs the error and leaves PostgreSQL stopped. */
  #restart(end: string): void {
    if (this.#stopping) return;
    this.options.log(`The embedded PostgreSQL ended unexpectedly (${end}) and is restarted.`);
    this.#restarting = this.start().catch((error: unknown) => this.options.log(String(error)));
  }
}

/** Returns the last ten lines that were written to the file after byte `start`. */
async function readEnd(file: string, start: number): Promise<string> {
  const text = (await readFile(file)).subarray(start).toString('utf8');
  return text.trim().split('\n').slice(-10).join('\n');
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port on 127.0.0.1.');
  return address.port;
}
