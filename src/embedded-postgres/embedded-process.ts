import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 20;

/**
 * Returns the start time of a running process, as text for comparison, or null if no such process runs.
 * A process id alone does not identify a process: after a crash or a reboot it is reused.
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

/** Returns whether the process with this id and start time still runs; true if the start time is unknown. */
export function isSameProcess(pid: number, start: string): boolean {
  const current = findProcessStart(pid);
  return current !== null && (current === start || current === 'unknown' || start === 'unknown');
}

/** Returns whether the process runs and has this word on its command line. */
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
 * Stops a PostgreSQL server: first with rollback and flush (SIGINT), then without a flush (SIGQUIT), then with SIGKILL.
 * Resolves when the process has ended, after `limitMs` plus one second at most.
 *
 * @throws Error when the process belongs to another user.
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
 * Stops the PostgreSQL server when this process ends in any way, including SIGKILL: a shell waits for the end of a
 * pipe that only this process holds open. Returns a function that stops the shell.
 */
export function stopPostgresAfterThisProcess(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(pid)], {
    cwd: '/',
    // Its own session: Ctrl-C in the terminal must not end the shell.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => shell.kill('SIGKILL');
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
