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

/** A service in processes, with everything that is visible from outside. */
export interface ObservedService {
  readonly options: ServiceProcessOptions;
  /** The processes that run. */
  readonly running: () => readonly Pick<ServiceProcess, 'url'>[];
  /** The output of all processes so far, including ended ones. */
  readonly output: () => string;
  readonly collector: Collector;
}

const largestDumpBytes = 1 << 30;

/**
 * Returns the content of every place the service writes to, by name: a dump of the database, Redis, each queue, logs,
 * metrics, traces, files.
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

/** Dumps with pg_dump if it supports the server's version, else reads every table by SQL. */
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
    // Sequences are not in pg_tables.
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

/** Reads the messages of a queue. They are requeued when the connection closes. */
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
