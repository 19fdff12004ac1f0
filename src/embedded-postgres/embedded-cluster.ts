import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedAccount, giveDirectory } from './embedded-account';
import type { EmbeddedBinaries } from './embedded-binaries';
import { EmbeddedPostgresError } from './embedded-errors';
import { guardAgainstOwnDeath, hasArgument, stopPostgresProcess } from './embedded-process';

export const embeddedUser = 'user_service';

const makingPrefix = 'making-';
const passwordFile = 'user-service.password';

interface ClusterOptions {
  readonly directory: string;
  readonly binaries: EmbeddedBinaries;
  readonly account: EmbeddedAccount;
  readonly durable: boolean;
  readonly log: (line: string) => void;
}

/** The path of PostgreSQL's own files inside the data directory. */
export function clusterPath(directory: string): string {
  return join(directory, 'cluster');
}

/** The password of the embedded PostgreSQL, which only its owner and root can read. */
export async function readEmbeddedPassword(directory: string): Promise<string> {
  const file = join(clusterPath(directory), passwordFile);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new EmbeddedPostgresError(
      `Cannot read ${file} (${(error as NodeJS.ErrnoException).code}). Put it back or run as the user who made ` +
        'it, or remove the directory to begin with an empty database, or set DATABASE_URL.',
    );
  }
}

/**
 * Makes sure that PostgreSQL's files are there, whole, and that no PostgreSQL runs on them: makes them the
 * first time, stops a server that outlived its service, and clears away what a crash left. The caller owns
 * the directory. Files that no PostgreSQL can use are set aside, never removed.
 */
export async function prepareCluster(options: ClusterOptions): Promise<void> {
  const { directory, account, log } = options;
  const cluster = clusterPath(directory);
  for (const name of await readdir(directory)) {
    // A killed start left it, and its initdb may be writing there still: what it fills again is removed again.
    if (name.startsWith(makingPrefix)) {
      const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };
      await rm(join(directory, name), options).catch(() => log(`Cannot remove ${join(directory, name)}.`));
    }
  }
  if (existsSync(cluster)) {
    await stopOrphan(cluster, log);
    if (!isWhole(cluster)) {
      const aside = `${cluster}-unusable-${new Date().toISOString().replaceAll(':', '')}`;
      await rename(cluster, aside);
      log(`The files in ${cluster} are not a whole PostgreSQL cluster; they are kept in ${aside}.`);
    }
  }
  if (!existsSync(cluster)) await makeCluster(options);
  await giveDirectory(cluster, account);
}

function isWhole(cluster: string): boolean {
  return ['PG_VERSION', 'global/pg_control'].every((name) => existsSync(join(cluster, name)));
}

/** Tells what PostgreSQL wrote about the server that runs, or ran, on these files. */
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
    log(`Stopping the PostgreSQL (process ${postmaster.pid}) that an earlier run left behind.`);
    await stopPostgresProcess(postmaster.pid, 10_000).catch((error: unknown) => {
      throw new EmbeddedPostgresError(
        `Cannot stop the PostgreSQL (process ${postmaster.pid}) that an earlier run left in ${cluster}: ${String(error)}. ` +
          'Stop it, or set DATABASE_URL to another PostgreSQL.',
      );
    });
  } else {
    // PostgreSQL would refuse to start if another program runs under this id by now.
    await rm(join(cluster, 'postmaster.pid'), { force: true });
  }
}

async function makeCluster(options: ClusterOptions): Promise<void> {
  // Built aside and renamed when it is whole, with its password inside: a killed start leaves nothing to mend.
  const making = await mkdtemp(join(options.directory, makingPrefix));
  try {
    await fillCluster(making, options);
    await rename(join(making, 'cluster'), clusterPath(options.directory));
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function fillCluster(making: string, { binaries, account, durable }: ClusterOptions): Promise<void> {
  const cluster = join(making, 'cluster');
  const password = join(making, passwordFile);
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  await giveDirectory(making, account);
  await runInitdb(binaries, account, making, [
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
  ]);
  await rename(password, join(cluster, passwordFile));
  await chmod(join(cluster, passwordFile), 0o600);
}

async function runInitdb(
  binaries: EmbeddedBinaries,
  account: EmbeddedAccount,
  workingDirectory: string,
  options: string[],
): Promise<void> {
  const [file = '', ...args] = [...account.prefix, binaries.initdb, ...options];
  const child = spawn(file, args, {
    ...account.identity,
    cwd: workingDirectory,
    env: binaries.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const callOffGuard = child.pid ? guardAgainstOwnDeath(child.pid) : () => undefined;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(callOffGuard);
  if (code !== 0) {
    const lastLines = output.trim().split('\n').slice(-5).join('\n');
    throw new EmbeddedPostgresError(`PostgreSQL's initdb failed in ${workingDirectory}:\n${lastLines}`);
  }
}
