import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Database } from '../src/postgres/database';

/** CPU time by process, in milliseconds. Processes on other machines or without a readable /proc are absent. */
export type CpuUse = ReadonlyMap<string, number>;

const servers: readonly [name: string, command: string][] = [
  ['RabbitMQ', 'beam.smp'],
  ['Redis', 'redis-server'],
];

/** Measures the CPU of the service, its backing services and this process; `stop` returns what they used. */
export async function watchCpu(
  database: Database,
  servicePid: number | undefined,
): Promise<{ stop(): Promise<CpuUse> }> {
  const backends = await postgresCpuMs(database);
  const before = cpuOfOthers(servicePid);
  return {
    async stop() {
      const used = new Map(
        [...cpuOfOthers(servicePid)].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)]),
      );
      const backendsAfter = await postgresCpuMs(database);
      if (backends && backendsAfter) used.set('PostgreSQL', usedBetween(backends, backendsAfter));
      return used;
    },
  };
}

function cpuOfOthers(servicePid: number | undefined): Map<string, number> {
  const { user, system } = process.cpuUsage();
  const used = new Map([['load and witness', (user + system) / 1_000]]);
  const add = (name: string, pids: readonly number[]) => {
    const ms = pids.map(cpuMsOf).filter((it) => it !== null);
    if (ms.length > 0) used.set(name, sum(ms));
  };
  if (servicePid !== undefined) add('the service', [servicePid]);
  for (const [name, command] of servers) add(name, findProcesses(command));
  used.set('everything', busyMs());
  return used;
}

/** Returns the CPU that processes used between two samples. New processes count, ended ones do not. */
export function usedBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return sum([...after].map(([pid, ms]) => ms - (before.get(pid) ?? 0)));
}

/** Returns the CPU used by each PostgreSQL process of this database so far; null when one is on another machine. */
export async function postgresCpuMs(database: Database): Promise<Map<number, number> | null> {
  const rows = await database.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = current_database()',
  );
  const used = new Map<number, number>();
  for (const { pid } of rows) {
    const ms = cpuMsOf(pid);
    if (ms === null) return null;
    used.set(pid, ms);
  }
  return used;
}

/** Returns the CPU of all threads of a process; null without such a process. */
export function cpuMsOf(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return sum(nanoseconds) / 1_000_000;
  } catch {
    return null;
  }
}

function findProcesses(command: string): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && readCommand(name) === command)
      .map(Number);
  } catch {
    return [];
  }
}

function readCommand(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Returns the busy time of all cores since the machine started. */
function busyMs(): number {
  return sum(cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq));
}

function sum(values: readonly number[]): number {
  return values.reduce((one, other) => one + other, 0);
}
