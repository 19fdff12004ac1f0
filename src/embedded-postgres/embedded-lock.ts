import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresInUseError } from './embedded-errors';
import { findProcessStart, isSameProcess } from './embedded-process';

interface Owner {
  readonly pid: number;
  readonly start: string;
}

const lockName = /^owner\.(\d+)$/;

/**
 * Locks the directory for this process and returns the function that releases the lock. A lock whose process has
 * ended, in any way, is stale and ignored.
 *
 * @throws EmbeddedPostgresInUseError when another owner is alive, in this process or another.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const draft = join(directory, `owner-${process.pid}-${Math.random().toString(36).slice(2)}.draft`);
  const self: Owner = { pid: process.pid, start: findProcessStart(process.pid) ?? 'unknown' };
  await writeFile(draft, JSON.stringify(self));
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

/** Returns the id of the running process that holds the lock, or null. */
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

async function findRunningOwner(directory: string, name: string): Promise<number | null> {
  try {
    const owner = JSON.parse(await readFile(join(directory, name), 'utf8')) as Owner;
    return isSameProcess(owner.pid, owner.start) ? owner.pid : null;
  } catch {
    // Released since it was listed, or truncated by a crash of the machine.
    return null;
  }
}

async function listLocks(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => lockName.test(name));
}

function numberOf(name: string): number {
  return Number(lockName.exec(name)?.[1] ?? 0);
}
