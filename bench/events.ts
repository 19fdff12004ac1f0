import 'reflect-metadata';
import { cpus, loadavg } from 'node:os';
import { type Latencies, measureLatency } from './delivery-latency';
import { describeProfiles } from './fold-profile';
import {
  measureFold,
  measureFoldOneByOne,
  measureFoldWithoutBroker,
  prepareFold,
  profileFolds,
} from './fold-rates';
import { measureOneByOne, measureRelay } from './outbox-drain';
import { median, percentile, type Stage, withChannel, withServices } from './stage';

const rounds = 3;

interface Row {
  readonly what: string;
  readonly figure: string;
  readonly aim?: { readonly text: string; readonly met: boolean };
}

/** Runs the measures in turn for several rounds, so that load on the machine affects all equally; returns medians. */
async function inTurn<Name extends string>(
  measures: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number>> {
  const figures = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1)
    for (const [name, measure] of Object.entries<() => Promise<number>>(measures))
      figures.set(name, [...(figures.get(name) ?? []), await measure()]);
  return Object.fromEntries([...figures].map(([name, values]) => [name, median(values)])) as Record<
    Name,
    number
  >;
}

async function measureOut(stage: Stage): Promise<Row[]> {
  const { relay, oneByOne } = await inTurn({
    oneByOne: () => measureOneByOne(stage),
    relay: () => measureRelay(stage),
  });
  return [
    { what: 'outbox: read, published, confirmed, marked one by one', figure: perSecond(oneByOne) },
    { what: 'outbox: the relay', figure: perSecond(relay) },
    atLeast('outbox: the relay to one by one', relay / oneByOne, 20),
  ];
}

async function measureDelivery(stage: Stage): Promise<{ rows: Row[]; profile: string }> {
  const latencies = await measureLatency(stage);
  const { deliveryMs, sentMs, responseMs, refused, perSecond: mutations } = latencies;
  const p50 = percentile(deliveryMs, 0.5);
  const show = (values: number[]) =>
    [0.5, 0.95, 0.99].map((share) => percentile(values, share).toFixed(1)).join(' / ');
  const rows = [
    {
      what: `createUser response, p50 / p95 / p99 at ${mutations.toFixed(0)}/s`,
      figure: `${show(responseMs)} ms`,
    },
    {
      what: 'commit to delivery at that rate, p50 / p95 / p99',
      figure: `${show(deliveryMs)} ms`,
      aim: { text: 'p50 < 10 ms', met: p50 < 10 },
    },
  ];
  const profile =
    `commit to delivery: until the relay sends ${show(sentMs)} ms (p50 / p95 / p99), the rest is RabbitMQ's and ` +
    `the consumer's;\n${describeCpu(latencies)}; ${refused} requests were refused`;
  return { rows, profile };
}

/** Describes which processes used the cores during the load, and the share of all other processes. */
function describeCpu({ cpu, elapsedMs, responseMs }: Latencies): string {
  const { everything = 0, ...parts } = Object.fromEntries(cpu);
  const known = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
  const shareOf = (ms: number) => `${((ms * 100) / elapsedMs / cpus().length).toFixed(0)} %`;
  const shares = Object.entries(parts).map(
    ([name, ms]) => `${name} ${((ms * 1_000) / responseMs.length).toFixed(0)} us (${shareOf(ms)})`,
  );
  return (
    `CPU for a mutation (and share of all cores): ${shares.join(', ')};\n` +
    `anything else on the machine ${shareOf(everything - known)}, all in all ${shareOf(everything)}`
  );
}

async function measureIn(stage: Stage): Promise<{ rows: Row[]; profile: string }> {
  const userIds = await prepareFold(stage);
  const { queue, direct, oneByOne } = await inTurn({
    oneByOne: () => measureFoldOneByOne(stage, userIds),
    direct: () => measureFoldWithoutBroker(stage, userIds),
    queue: () => measureFold(stage, userIds),
  });
  const { batch, alone } = await profileFolds(stage, userIds);
  const rows = [
    { what: 'fold: a transaction for each message', figure: perSecond(oneByOne) },
    { what: 'fold: in batches, without a broker', figure: perSecond(direct) },
    { what: 'fold: in batches, through the queue', figure: perSecond(queue) },
    atLeast('fold: through the queue to without a broker', queue / direct, 0.6),
    atLeast('fold: in batches to a transaction for each', queue / oneByOne, 45),
  ];
  return { rows, profile: describeProfiles(batch, alone) };
}

const perSecond = (figure: number) => `${figure.toFixed(0)}/s`;

function atLeast(what: string, ratio: number, aim: number): Row {
  return { what, figure: `${ratio.toFixed(2)}x`, aim: { text: `>= ${aim}x`, met: ratio >= aim } };
}

async function machineLine({ database, amqpUrl }: Stage): Promise<string> {
  const [postgres] = await database.query<{ server_version: string }>('SHOW server_version');
  const rabbitmq = await withChannel(amqpUrl, async ({ connection }) => {
    const { serverProperties } = connection as unknown as { serverProperties: { version: string } };
    return serverProperties.version;
  });
  const [cpu] = cpus();
  return (
    `${cpu?.model}, ${cpus().length} cores (load ${loadavg()[0]?.toFixed(1)} at the start), Node ${process.version}, ` +
    `PostgreSQL ${postgres?.server_version.split(' ')[0]}, RabbitMQ ${rabbitmq}`
  );
}

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, figure, aim } of rows) {
    const verdict = aim ? `   ${aim.text}: ${aim.met ? 'met' : 'FELL SHORT'}` : '';
    process.stdout.write(`${what.padEnd(width)}  ${figure.padStart(26)}${verdict}\n`);
  }
}

async function main(): Promise<void> {
  const startedAtMs = performance.now();
  await withServices(async (open) => {
    const machine = await open(machineLine);
    const out = await open(measureOut);
    const delivery = await open(measureDelivery);
    const { rows, profile } = await open(measureIn);
    print([...out, ...delivery.rows, ...rows]);
    process.stdout.write(`\n${delivery.profile}\n\n${profile}\n`);
    process.stdout.write(`\n${machine}; ${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s\n`);
  });
}

// Exits explicitly because pools and connections may still be open.
void main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exit(1);
  },
);
