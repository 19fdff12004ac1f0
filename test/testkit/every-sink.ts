import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { Client } from 'pg';
import { readStream } from '../../src/rabbitmq/rabbitmq-stream';
import { erasuresStream, topologyOf } from '../../src/rabbitmq/topology';
import type { Collector } from './collector';
import type { ServiceProcess, ServiceProcessOptions } from './service-processes';
import { readRedis } from './sinks';

/** A service of processes, as its operators see it from outside. */
export interface ObservedService {
  readonly options: ServiceProcessOptions;
  /** The processes that are up. */
  readonly running: () => readonly Pick<ServiceProcess, 'url'>[];
  /** What all processes have written so far, also those that are gone. */
  readonly output: () => string;
  readonly collector: Collector;
}

const largestDumpBytes = 1 << 30;

/**
 * Everything that the service leaves anywhere, by name: a dump of the database, Redis, each of its queues, the output
 * of its processes, their metrics, the traces, its files.
 */
export async function readEverySink({
  options,
  running,
  output,
  collector,
}: ObservedService): Promise<Map<string, string>> {
  const sinks = new Map<string, string>();
  const { databaseUrl, amqpUrl, amqpPrefix, redisPrefix, directory } = options;
  const { tool, dump } = await dumpDatabase(databaseUrl);
  sinks.set(`database (${tool})`, dump);
  sinks.set('redis', await readRedis(redisPrefix));
  for (const { name } of topologyOf(amqpPrefix).queues) {
    const bare = name.slice(amqpPrefix.length);
    sinks.set(`queue ${bare}`, await readQueue(amqpUrl, name, bare === erasuresStream));
  }
  sinks.set('logs', output());
  const metrics = running().map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
  sinks.set('metrics', (await Promise.all(metrics)).join('\n'));
  sinks.set('traces', collector.requests.map(({ body }) => body).join('\n'));
  sinks.set('files', readFiles(directory));
  return sinks;
}

/** The names of the sinks that hold one of these texts, in any case, also as bytes. */
export function sinksContaining(sinks: ReadonlyMap<string, string>, texts: readonly string[]): string[] {
  const wanted = texts.flatMap((text) => [text.toLowerCase(), Buffer.from(text).toString('hex')]);
  return [...sinks]
    .filter(([, content]) => wanted.some((text) => content.toLowerCase().includes(text)))
    .map(([name]) => name);
}

/** With pg_dump where there is one that knows the server, else each table of each schema by SQL. */
async function dumpDatabase(url: string): Promise<{ tool: string; dump: string }> {
  try {
    const { stdout } = await promisify(execFile)('pg_dump', ['--blobs', url], {
      maxBuffer: largestDumpBytes,
    });
    return { tool: 'pg_dump', dump: stdout };
  } catch {
    return { tool: 'every table by SQL', dump: await dumpBySql(url) };
  }
}

async function dumpBySql(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const text = async (sql: string) => (await client.query<{ row: string }>(sql)).rows.map(({ row }) => row);
  try {
    // A sequence is no row of anything.
    const reads = await text(
      `SELECT format('SELECT it::text AS row FROM %I.%I AS it', schemaname, tablename) AS row FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       UNION ALL
       SELECT format('SELECT last_value::text AS row FROM %I.%I', schemaname, sequencename) FROM pg_sequences`,
    );
    const dumped = await text(`SELECT encode(lo_get(oid), 'hex') AS row FROM pg_largeobject_metadata`);
    for (const read of reads) dumped.push(...(await text(read)));
    return dumped.join('\n');
  } finally {
    await client.end();
  }
}

/** What is in a queue; it stays there. */
async function readQueue(url: string, name: string, isStream: boolean): Promise<string> {
  const messages: string[] = [];
  if (isStream) {
    await readStream(url, name, (document) => messages.push(document));
    return messages.join('\n');
  }
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    for (let message = await channel.get(name); message; message = await channel.get(name)) {
      const { properties, content, fields } = message;
      messages.push(JSON.stringify({ properties, fields }), content.toString(), content.toString('hex'));
    }
    return messages.join('\n');
  } finally {
    await connection.close();
  }
}

function readFiles(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => `${path}\n${readFileSync(path, 'latin1')}`)
    .join('\n');
}
