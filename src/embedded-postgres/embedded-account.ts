import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedBinaries } from './embedded-binaries';
import { EmbeddedPostgresError } from './embedded-errors';

/** The system account that PostgreSQL's programs run with, because they refuse to run as root. */
export interface EmbeddedAccount {
  /** Command that runs the command line appended to it with the account's rights; empty if it is not needed. */
  readonly prefix: readonly string[];
  /** User and group for `spawn`; empty if the program starts with those of this process. */
  readonly identity: { readonly uid?: number; readonly gid?: number };
  /** Owner that PostgreSQL's files must have, or null if their owner is not changed. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

// The unprivileged account of most systems. It has a user name, which initdb needs.
const unprivilegedId = 65_534;

// The unprivileged account with the capability to enter any folder. `no_setuid_fixup` makes access(2) respect that
// capability.
const withCapability = [
  'setpriv',
  `--reuid=${unprivilegedId}`,
  `--regid=${unprivilegedId}`,
  '--clear-groups',
  '--securebits=+no_setuid_fixup',
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
  '--',
];

// Root, which a user namespace shows as the unprivileged id. It needs no capability but does not work in a chroot.
const inUserNamespace = [
  'unshare',
  '--user',
  `--map-user=${unprivilegedId}`,
  `--map-group=${unprivilegedId}`,
  '--',
];

/**
 * Returns an account that can run PostgreSQL's programs and enter the data directory. For root this is an unprivileged
 * account, or one with more rights if that cannot enter the directory, as in a checkout in root's home. For other users
 * it is their own.
 *
 * @throws EmbeddedPostgresError when no account can. The message contains the error of each attempt.
 */
export function findEmbeddedAccount(binaries: EmbeddedBinaries, dataDirectory: string): EmbeddedAccount {
  const unprivileged = { uid: unprivilegedId, gid: unprivilegedId };
  const candidates: EmbeddedAccount[] =
    process.getuid?.() === 0
      ? [
          { prefix: [], identity: unprivileged, owner: unprivileged },
          { prefix: withCapability, identity: {}, owner: unprivileged },
          { prefix: inUserNamespace, identity: {}, owner: { uid: 0, gid: 0 } },
        ]
      : [{ prefix: [], identity: {}, owner: null }];
  const errors: string[] = [];
  for (const account of candidates) {
    const error = tryAccount(account, binaries, dataDirectory);
    if (error === null) return account;
    errors.push(error);
  }
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL does not run here (${errors.join('; ')}). ` +
      (candidates.length > 1
        ? 'PostgreSQL refuses to run as root: use another user, or a folder that every user may enter, or set '
        : 'Set ') +
      'DATABASE_URL to the URL of a PostgreSQL server, version 15 or newer.',
  );
}

/** Gives the directory and its contents to the owner that the account requires, if it requires one. */
export async function changeOwner(directory: string, account: EmbeddedAccount): Promise<void> {
  if (!account.owner || lstatSync(directory).uid === account.owner.uid) return;
  const { uid, gid } = account.owner;
  for (const entry of await readdir(directory, { recursive: true })) {
    await lchown(join(directory, entry), uid, gid);
  }
  // The directory itself is last, so that the next start repeats a change that was interrupted.
  await lchown(directory, uid, gid);
}

/** Returns null if the account works, or the reason why it does not. */
function tryAccount(
  account: EmbeddedAccount,
  binaries: EmbeddedBinaries,
  dataDirectory: string,
): string | null {
  const script = 'cd -- "$1" && exec "$2" --version';
  const [file, ...args] = [
    ...account.prefix,
    '/bin/sh',
    '-c',
    script,
    'sh',
    dataDirectory,
    binaries.postgres,
  ];
  const result = spawnSync(file, args, {
    ...account.identity,
    // The account may be unable to enter the current directory.
    cwd: '/',
    env: binaries.environment,
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (result.status === 0) return null;
  return result.error?.message ?? (result.stderr.trim().split('\n').at(-1) || `exit code ${result.status}`);
}
