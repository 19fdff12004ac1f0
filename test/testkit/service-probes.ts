import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';

const probeLimitMs = 3_000;

/** How the tests find a backing service. `probe` throws if the service cannot be used. */
export interface BackingService {
  readonly name: 'PostgreSQL' | 'Redis' | 'RabbitMQ';
  readonly variable: 'TEST_DATABASE_URL' | 'TEST_REDIS_URL' | 'TEST_AMQP_URL';
  readonly defaultUrl: string;
  probe(url: string): Promise<void>;
}

export const postgres: BackingService = {
  name: 'PostgreSQL',
  variable: 'TEST_DATABASE_URL',
  defaultUrl: 'postgresql://postgres@127.0.0.1:5432/postgres',
  async probe(url) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: probeLimitMs });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<{ able: boolean; version: number }>(
        `SELECT rolsuper OR rolcreatedb AS able, current_setting('server_version_num')::int AS version
         FROM pg_roles WHERE rolname = current_user`,
      );
      if (!rows[0]?.able) throw new Error('its user may not create databases');
      if (rows[0].version < 150_000) throw new Error('it is older than 15');
    } finally {
      await client.end();
    }
  },
};

export const redis: BackingService = {
  name: 'Redis',
  variable: 'TEST_REDIS_URL',
  defaultUrl: 'redis://127.0.0.1:6379',
  async probe(url) {
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: probeLimitMs,
      commandTimeout: probeLimitMs,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
    } finally {
      client.disconnect();
    }
  },
};

export const rabbitmq: BackingService = {
  name: 'RabbitMQ',
  variable: 'TEST_AMQP_URL',
  defaultUrl: 'amqp://guest:guest@127.0.0.1:5672',
  async probe(url) {
    const connection = await connect(url, { timeout: probeLimitMs });
    connection.on('error', () => undefined);
    await connection.close();
  },
};

/** Returns null if the service can be used at this URL, else the reason. */
export async function unavailableReason(service: BackingService, url: string): Promise<string | null> {
  try {
    await service.probe(url);
    return null;
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    return message || code || String(error);
  }
}
