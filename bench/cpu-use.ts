import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Database } from '../src/postgres/database';

/** CPU by whose it was, in milliseconds. Who runs elsewhere, or where nobody tells, is absent. */
export type CpuUse = ReadonlyMap<string, number>;

const servers: readonly [name: string, command: string][] = [
  ['RabbitMQ', 'beam.smp'],
  ['Redis', 'redis-server'],
];

/** Watches all that takes part in serving, this process as the load, until `stop`, which answers what was used meanwhile. */
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

/** What processes used between two moments, new ones included; those that are gone count for nothing. */
export function usedBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return sum([...after].map(([pid, ms]) => ms - (before.get(pid) ?? 0)));
}

/** CPU that each of PostgreSQL's processes for this database has used so far; null where they run elsewhere. */
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

/** Of all threads of a process; null when it is not there. */
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

/** What all cores have worked since the machine started, for whomever. */
function busyMs(): number {
  return sum(cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq));
}

function sum(values: readonly number[]): number {
  return values.reduce((one, other) => one + other, 0);
}
