import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresInUseError } from './embedded-errors';
import { findProcessStart, isSameProcess, unknownStart } from './embedded-process';

/** The content of a lock file. */
interface Owner {
  readonly pid: number;
  /** From `findProcessStart`, because another process may get the same id later. */
  readonly start: string;
}

const lockName = /^owner\.(\d+)$/;

/**
 * Locks the directory for this process and returns the function that releases the lock. The lock of a process that has
 * ended is stale and ignored.
 *
 * @throws EmbeddedPostgresInUseError when this process or another running one holds the lock.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const draft = join(directory, `owner-${process.pid}-${Math.random().toString(36).slice(2)}.draft`);
  const self: Owner = { pid: process.pid, start: findProcessStart(process.pid) ?? unknownStart };
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (;;) {
      const locks = await listLocks(directory);
      await throwIfOwned(directory, locks);
      // Locks are numbered, and a new lock does not overwrite a stale one. Of several processes that find the same
      // stale lock, link() lets only one create the next, and no process removes a live lock.
      const mine = `owner.${Math.max(0, ...locks.map(numberOf)) + 1}`;
      try {
        await link(draft, join(directory, mine));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      const others = (await listLocks(directory)).filter((name) => name !== mine);
      try {
        await throwIfOwned(directory, others);
      } catch (error) {
        await rm(join(directory, mine), { force: true });
        throw error;
      }
      for (const stale of others) await rm(join(directory, stale), { force: true });
      return () => rm(join(directory, mine), { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** Returns the id of the running process that holds the lock, or null if none does. */
export async function findOwner(directory: string): Promise<number | null> {
  for (const name of await listLocks(directory)) {
    const pid = await findRunningOwner(directory, name);
    if (pid !== null) return pid;
  }
  return null;
}

async function throwIfOwned(directory: string, locks: string[]): Promise<void> {
  for (const name of locks) {
    const pid = await findRunningOwner(directory, name);
    if (pid !== null) throw new EmbeddedPostgresInUseError(directory, pid);
  }
}

/** Returns the id of the process that holds this lock, or null if the lock is released, unreadable or stale. */
async function findRunningOwner(directory: string, name: string): Promise<number | null> {
  try {
    const owner = JSON.parse(await readFile(join(directory, name), 'utf8')) as Owner;
    return isSameProcess(owner.pid, owner.start) ? owner.pid : null;
  } catch {
    // The lock was released since it was listed, or a crash of the machine truncated it.
    return null;
  }
}

/** Returns the names of the lock files. A directory that is missing or unreadable has none. */
async function listLocks(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => lockName.test(name));
}

function numberOf(name: string): number {
  return Number(lockName.exec(name)?.[1] ?? 0);
}
