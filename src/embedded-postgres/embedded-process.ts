import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 20;

/**
 * Tells when the process started, as text to compare with, or null when no such process runs.
 * A process id alone is not enough to recognise a process: after a crash or a reboot it is given out again.
 */
export function findProcessStart(pid: number): string | null {
  if (!isSignalable(pid)) return null;
  if (process.platform !== 'linux') {
    return run('ps', ['-o', 'lstart=', '-p', String(pid)]) || 'unknown';
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain spaces; the fields after it are: state (3rd) … starttime (22nd).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return isSignalable(pid) ? 'unknown' : null;
  }
}

/** Tells whether the process that had this id and start time still runs. */
export function isSameProcess(pid: number, start: string): boolean {
  const current = findProcessStart(pid);
  return current !== null && (current === start || current === 'unknown' || start === 'unknown');
}

/** Tells whether the process runs and was started with this word on its command line. */
export function hasArgument(pid: number, word: string): boolean {
  if (findProcessStart(pid) === null) return false;
  if (process.platform !== 'linux')
    return run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).includes(word);
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
  } catch {
    return false;
  }
}

/**
 * Ends a PostgreSQL: transactions are rolled back and the data is flushed (SIGINT), then without the flush
 * (SIGQUIT), then by force. Resolves when the process is gone, within `limitMs` and about a second.
 *
 * @throws when the process belongs to somebody else.
 */
export async function stopPostgresProcess(pid: number, limitMs: number): Promise<void> {
  const start = findProcessStart(pid);
  if (start === null) return;
  const steps: [NodeJS.Signals, number][] = [
    ['SIGINT', limitMs * 0.8],
    ['SIGQUIT', limitMs * 0.2],
    ['SIGKILL', 1_000],
  ];
  for (const [signal, waitMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw error;
    }
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (!isSameProcess(pid, start)) return;
      await delay(pollIntervalMs);
    }
  }
}

/**
 * Stops the PostgreSQL when this process ends in whatever way, kill -9 included: a tiny shell waits for the
 * end of a pipe that only this process holds. Returns a function that calls the guard off.
 */
export function guardAgainstOwnDeath(pid: number): () => void {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(pid)], {
    cwd: '/',
    // Its own session, so that Ctrl-C in the terminal does not end the guard before its time.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return () => guard.kill('SIGKILL');
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function run(file: string, args: string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
