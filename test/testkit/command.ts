import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a command left behind. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `user-service` of a built checkout to its end; `onOutput` hears of results as they come. */
export function runCommand(
  checkout: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  {
    stdin = '',
    onOutput,
  }: { stdin?: string | Buffer; onOutput?: (child: ChildProcess, stdout: string) => unknown } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(checkout, 'bin', 'user-service.js'), ...args], {
    cwd: checkout,
    env: { PATH: process.env['PATH'], ...env },
  });
  // A process that is killed reads no further.
  child.stdin.on('error', () => undefined).end(stdin);
  const ended: Ended = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    ended.stdout += chunk.toString();
    onOutput?.(child, ended.stdout);
  });
  child.stderr.on('data', (chunk: Buffer) => (ended.stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code })));
}
