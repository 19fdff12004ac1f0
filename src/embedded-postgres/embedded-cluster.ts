import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeOwner, type EmbeddedAccount } from './embedded-account';
import type { EmbeddedBinaries } from './embedded-binaries';
import { EmbeddedPostgresError } from './embedded-errors';
import { hasArgument, stopPostgresProcess, stopPostgresWhenThisProcessEnds } from './embedded-process';

export const embeddedUser = 'user_service';

/** Starts the names of folders in which clusters are created. */
const draftPrefix = 'making-';
const passwordFile = 'user-service.password';

interface ClusterOptions {
  readonly directory: string;
  readonly binaries: EmbeddedBinaries;
  readonly account: EmbeddedAccount;
  /** False skips the flush to disk after initdb. */
  readonly durable: boolean;
  readonly log: (line: string) => void;
}

/** Returns the path of PostgreSQL's files in the data directory. */
export function clusterPath(directory: string): string {
  return join(directory, 'cluster');
}

/**
 * Returns the password of the embedded PostgreSQL, which only root and the owner of its file can read.
 *
 * @throws EmbeddedPostgresError when the file cannot be read
 */
export async function readEmbeddedPassword(directory: string): Promise<string> {
  const file = join(clusterPath(directory), passwordFile);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new EmbeddedPostgresError(
      `Cannot read ${file} (${(error as NodeJS.ErrnoException).code}). Restore it, run as the user who created ` +
        'it, remove the directory to start with an empty database, or set DATABASE_URL to the URL of another server.',
    );
  }
}

/**
 * Makes PostgreSQL's files ready for a start. Creates them the first time, stops a server that an earlier run left
 * running, and removes the leftovers of a crash. The caller must hold the lock of the directory. An incomplete cluster
 * is renamed, never deleted.
 *
 * @throws EmbeddedPostgresError when that server cannot be stopped, or initdb fails
 */
export async function prepareCluster(options: ClusterOptions): Promise<void> {
  const { directory, account, log } = options;
  const cluster = clusterPath(directory);
  for (const name of await readdir(directory)) {
    // Left by a killed start. Its initdb may still write there, so removal is retried.
    if (name.startsWith(draftPrefix)) {
      const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };
      await rm(join(directory, name), options).catch(() => log(`Cannot remove ${join(directory, name)}.`));
    }
  }
  if (existsSync(cluster)) {
    await stopOrphan(cluster, log);
    if (!isComplete(cluster)) {
      const unusable = `${cluster}-unusable-${new Date().toISOString().replaceAll(':', '')}`;
      await rename(cluster, unusable);
      log(`The PostgreSQL cluster in ${cluster} is incomplete and was moved to ${unusable}.`);
    }
  }
  if (!existsSync(cluster)) await createCluster(options);
  await changeOwner(cluster, account);
}

function isComplete(cluster: string): boolean {
  return ['PG_VERSION', 'global/pg_control'].every((name) => existsSync(join(cluster, name)));
}

/**
 * Returns what `postmaster.pid` says about the server that runs on these files, or ran until it crashed. Returns null
 * if the file is missing or unreadable. The port is NaN while PostgreSQL is still writing the file.
 */
export async function readPostmaster(
  cluster: string,
): Promise<{ pid: number; port: number; ready: boolean } | null> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

async function stopOrphan(cluster: string, log: (line: string) => void): Promise<void> {
  const postmaster = await readPostmaster(cluster);
  if (postmaster === null) return;
  if (postmaster.pid > 1 && hasArgument(postmaster.pid, cluster)) {
    log(`Stopping the PostgreSQL (process ${postmaster.pid}) that an earlier run left running.`);
    await stopPostgresProcess(postmaster.pid, 10_000).catch((error: unknown) => {
      throw new EmbeddedPostgresError(
        `Cannot stop the PostgreSQL (process ${postmaster.pid}) that an earlier run left running in ${cluster}: ${String(error)}. ` +
          'Stop it, or set DATABASE_URL to the URL of another PostgreSQL server.',
      );
    });
  } else {
    // PostgreSQL would refuse to start if another program now has this process id.
    await rm(join(cluster, 'postmaster.pid'), { force: true });
  }
}

async function createCluster(options: ClusterOptions): Promise<void> {
  // Created elsewhere and renamed when complete, with its password, so that a killed start leaves no partial cluster.
  const draft = await mkdtemp(join(options.directory, draftPrefix));
  try {
    await fillCluster(draft, options);
    await rename(join(draft, 'cluster'), clusterPath(options.directory));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function fillCluster(draft: string, { binaries, account, durable }: ClusterOptions): Promise<void> {
  const cluster = join(draft, 'cluster');
  const password = join(draft, passwordFile);
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  await changeOwner(draft, account);
  await runInitdb({
    binaries,
    account,
    workingDirectory: draft,
    arguments: [
      `--pgdata=${cluster}`,
      `--username=${embeddedUser}`,
      `--pwfile=${password}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ],
  });
  await rename(password, join(cluster, passwordFile));
  await chmod(join(cluster, passwordFile), 0o600);
}

interface InitdbOptions {
  readonly binaries: EmbeddedBinaries;
  readonly account: EmbeddedAccount;
  readonly workingDirectory: string;
  readonly arguments: readonly string[];
}

async function runInitdb(options: InitdbOptions): Promise<void> {
  const { binaries, account, workingDirectory } = options;
  const [file = '', ...args] = [...account.prefix, binaries.initdb, ...options.arguments];
  const child = spawn(file, args, {
    ...account.identity,
    cwd: workingDirectory,
    env: binaries.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A killed service would leave initdb running.
  const stopGuard = child.pid ? stopPostgresWhenThisProcessEnds(child.pid) : () => undefined;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(stopGuard);
  if (code !== 0) {
    const lastLines = output.trim().split('\n').slice(-5).join('\n');
    throw new EmbeddedPostgresError(`PostgreSQL's initdb failed in ${workingDirectory}:\n${lastLines}`);
  }
}
