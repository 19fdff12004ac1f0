import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedBinaries } from './embedded-binaries';
import { EmbeddedPostgresError } from './embedded-errors';

/** How to run PostgreSQL's programs, which refuse to run as root. */
export interface EmbeddedAccount {
  /** Command that the program's command line is appended to. */
  readonly prefix: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
  /** Required owner of the data directory; null: unchanged. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

// The unprivileged account that every system has; initdb needs a user with a name.
const unprivilegedId = 65_534;

// The unprivileged account with the capability to enter any folder. `no_setuid_fixup` makes access(2) respect it.
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

// Root mapped to the unprivileged id in a user namespace: needs no capability, but does not work in a chroot.
const inUserNamespace = [
  'unshare',
  '--user',
  `--map-user=${unprivilegedId}`,
  `--map-group=${unprivilegedId}`,
  '--',
];

/**
 * Returns an account that can run the programs and enter the data directory: the current one, or for root an
 * unprivileged one. If that may not enter (a checkout in root's home), it returns one with more rights.
 *
 * @throws EmbeddedPostgresError when there is none; the message contains the programs' errors.
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
      'DATABASE_URL to a PostgreSQL 15 or newer.',
  );
}

/** Changes the owner of the directory and its contents to the account's owner. */
export async function changeOwner(directory: string, account: EmbeddedAccount): Promise<void> {
  if (!account.owner || lstatSync(directory).uid === account.owner.uid) return;
  const { uid, gid } = account.owner;
  for (const entry of await readdir(directory, { recursive: true })) {
    await lchown(join(directory, entry), uid, gid);
  }
  // The directory itself is last: while it has its old owner, the next start repeats an interrupted change.
  await lchown(directory, uid, gid);
}

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
    cwd: '/',
    env: binaries.environment,
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (result.status === 0) return null;
  return result.error?.message ?? (result.stderr.trim().split('\n').at(-1) || `exit code ${result.status}`);
}
