import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Candidate, installPeers, startOwn } from './candidates';
import { fillDatabase, pickUsers } from './comparison-data';
import { type LoadRequest, loadServer } from './http-load';
import { type ConfirmChannel, type Stage, withChannel, withServices } from './stage';
import { workloads } from './workloads';

const size = { users: 20_000, entriesPerUser: 5 };
const ordersPerSecond = 10;
/** How long one measurement lasts; the memory is read after each. */
const secondsPerMeasurement = 20;

/**
 * Loads the service with reads, changes and orders for some minutes, and prints its resident memory after each minute.
 * `--minutes=N` (10); `--rate=N` requests a second, unset as many as go over 32 connections.
 */
async function main(args: readonly string[]): Promise<void> {
  const option = (name: string) => {
    const text = args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    return text === undefined ? undefined : Number(text);
  };
  const minutes = option('minutes') ?? 10;
  installPeers();
  await withServices((open) => open((stage) => measure(stage, minutes, option('rate'))));
}

async function measure(stage: Stage, minutes: number, rate: number | undefined): Promise<void> {
  await fillDatabase(stage.databaseUrl, size);
  const ids = await pickUsers(stage.databaseUrl, size, 5_000);
  const own = await startOwn(stage, ids.slice(0, 100));
  const nextRequest = mixedRequests(Object.values(own.byActor), ids);
  try {
    await withChannel(stage.amqpUrl, async (channel) => {
      let requests = 0;
      for (let at = 1; at <= (minutes * 60) / secondsPerMeasurement; at += 1) {
        const load = { url: own.byActor.public.url, nextRequest, durationSeconds: secondsPerMeasurement };
        const orders = publishOrders(channel, stage.prefix, ids);
        requests += (await loadServer(rate === undefined ? load : { ...load, rate })).requests;
        await orders;
        const elapsed = at * secondsPerMeasurement;
        if (elapsed % 60 !== 0) continue;
        process.stdout.write(
          `${elapsed / 60} min  ${residentMegabytes(own.process.pid)} MB  ${requests} requests\n`,
        );
      }
    });
  } finally {
    await own.stop();
  }
}

/** Requests of all workloads and actors in turn. Those of a user read the first users only. */
function mixedRequests(candidates: readonly Candidate[], ids: readonly string[]): () => LoadRequest {
  const kinds = workloads.flatMap((workload) =>
    candidates
      .filter(({ actor }) => actor && workload.actors.includes(actor))
      .map((candidate) => ({ workload, candidate })),
  );
  let at = 0;
  return () => {
    const { workload, candidate } = kinds[at % kinds.length] as (typeof kinds)[number];
    const users = candidate.actor === 'self' ? 100 : ids.length;
    const about = Array.from(
      { length: workload.usersPerOperation },
      (_, item) => ids[(at * 7 + item) % users] as string,
    );
    at += 1;
    return {
      headers: { 'content-type': 'application/json', ...candidate.headers(about) },
      body: JSON.stringify(workload.operation(about, candidate.actor ?? 'public')),
    };
  };
}

async function publishOrders(
  channel: ConfirmChannel,
  prefix: string,
  userIds: readonly string[],
): Promise<void> {
  for (let sent = 0; sent < secondsPerMeasurement * ordersPerSecond; sent += 1) {
    const order = {
      orderId: randomUUID(),
      userId: userIds[sent % userIds.length],
      total: { value: '19.90', currency: 'CHF' },
      placedAt: new Date().toISOString(),
    };
    const properties = { messageId: randomUUID(), type: 'OrderPlaced', contentType: 'application/json' };
    channel.publish(`${prefix}order.events`, 'order.placed', Buffer.from(JSON.stringify(order)), properties);
  }
  await channel.waitForConfirms();
}

function residentMegabytes(pid: number | undefined): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024).toFixed(0);
}

void main(process.argv.slice(2));
