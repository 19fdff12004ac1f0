import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 20;

/** The start time of a process whose start time cannot be read. */
export const unknownStart = 'unknown';

/**
 * Returns the start time of a running process, as text for comparison. Returns `unknownStart` if the process runs but
 * its start time cannot be read, and null if no process with this id runs.
 *
 * A process id alone does not identify a process, because ids are reused after a crash or a reboot.
 */
export function findProcessStart(pid: number): string | null {
  if (!processExists(pid)) return null;
  if (process.platform !== 'linux') {
    return outputOf('ps', ['-o', 'lstart=', '-p', String(pid)]) || unknownStart;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain spaces. After it follow the fields from state (3rd) to starttime (22nd).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return processExists(pid) ? unknownStart : null;
  }
}

/**
 * Returns true if a process with this id runs and started at `start`. If one of the two start times is unknown, any
 * running process with this id counts as the same.
 */
export function isSameProcess(pid: number, start: string): boolean {
  const current = findProcessStart(pid);
  return current !== null && (current === start || current === unknownStart || start === unknownStart);
}

/**
 * Returns true if the process runs and has this argument. Returns false if its command line cannot be read. Outside
 * Linux, where `ps` joins arguments with spaces, an argument with spaces also matches a sequence of arguments.
 */
export function hasArgument(pid: number, argument: string): boolean {
  if (findProcessStart(pid) === null) return false;
  if (process.platform !== 'linux') {
    const commandLine = outputOf('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return ` ${commandLine} `.includes(` ${argument} `);
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(argument);
  } catch {
    return false;
  }
}

/**
 * Stops a PostgreSQL server. Resolves when its process has ended. A server that does not end by itself is killed after
 * `killAfterMs` milliseconds.
 *
 * @throws Error when the process belongs to another user, or still runs one second after SIGKILL.
 */
export async function stopPostgresProcess(pid: number, killAfterMs: number): Promise<void> {
  const start = findProcessStart(pid);
  if (start === null) return;
  const steps: [NodeJS.Signals, number][] = [
    // Fast shutdown: PostgreSQL rolls back open transactions and writes everything to the data files.
    ['SIGINT', killAfterMs * 0.8],
    // Immediate shutdown: PostgreSQL writes nothing, so the next start recovers from the write-ahead log.
    ['SIGQUIT', killAfterMs * 0.2],
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
  throw new Error(`Process ${pid} still runs one second after SIGKILL.`);
}

/**
 * Makes a PostgreSQL program stop when this process ends in any way, including SIGKILL. A shell waits for the end of a
 * pipe that only this process holds open, and then sends SIGINT. Returns a function that stops the shell. Call it when
 * the program has ended, because the shell does not check whether another process got its id.
 */
export function stopPostgresWhenThisProcessEnds(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(pid)], {
    // The shell outlives this process and must not keep its working directory in use.
    cwd: '/',
    // Its own session, because Ctrl-C in the terminal must not end the shell.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell PostgreSQL still works. If this process is then killed, the next start stops PostgreSQL.
  shell.on('error', () => undefined);
  // The pipe breaks when the shell is stopped.
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => shell.kill('SIGKILL');
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Returns the trimmed output of a program, or an empty text if the program fails. */
function outputOf(file: string, args: string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
