import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedBinaries } from './embedded-binaries';
import { EmbeddedPostgresError } from './embedded-errors';

/** How to run PostgreSQL's programs, which refuse to run as root, and whose the data must be then. */
export interface EmbeddedAccount {
  readonly prefix: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

// The account "nobody", which every system has: initdb looks up the name of its user.
const nobody = 65_534;

// "nobody" with one right of root's: to enter any folder. `no_setuid_fixup` lets access(2) know of that right.
const withKey = [
  'setpriv',
  `--reuid=${nobody}`,
  `--regid=${nobody}`,
  '--clear-groups',
  '--securebits=+no_setuid_fixup',
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
  '--',
];

// Root under another name, in a user namespace: needs no right at all, but does not work in a chroot.
const renamed = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'];

/**
 * Finds an account that can run the programs and enter the data directory: the own one; for root "nobody", or,
 * where "nobody" may not enter (a checkout in root's home), an account that may.
 *
 * @throws EmbeddedPostgresError when there is none; it carries what the programs said.
 */
export function findEmbeddedAccount(binaries: EmbeddedBinaries, dataDirectory: string): EmbeddedAccount {
  const asNobody = { uid: nobody, gid: nobody };
  const candidates: EmbeddedAccount[] =
    process.getuid?.() === 0
      ? [
          { prefix: [], identity: asNobody, owner: asNobody },
          { prefix: withKey, identity: {}, owner: asNobody },
          { prefix: renamed, identity: {}, owner: { uid: 0, gid: 0 } },
        ]
      : [{ prefix: [], identity: {}, owner: null }];
  const complaints: string[] = [];
  for (const account of candidates) {
    const complaint = tryAccount(account, binaries, dataDirectory);
    if (complaint === null) return account;
    complaints.push(complaint);
  }
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL does not run here (${complaints.join('; ')}). ` +
      (candidates.length > 1
        ? 'PostgreSQL refuses to run as root: use another user, or a folder that every user may enter, or set '
        : 'Set ') +
      'DATABASE_URL to a PostgreSQL 15 or newer.',
  );
}

/** Gives the directory and all in it to the account, if it is not its already. */
export async function giveDirectory(directory: string, account: EmbeddedAccount): Promise<void> {
  if (!account.owner || lstatSync(directory).uid === account.owner.uid) return;
  const { uid, gid } = account.owner;
  for (const entry of await readdir(directory, { recursive: true })) {
    await lchown(join(directory, entry), uid, gid);
  }
  // The top comes last: while it still has its old owner, an interrupted change is begun again.
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
