import { openDatabase } from '../../src/data-source';
import type { RetentionPolicy } from '../../src/personal-data/expiries';
import type { Database } from '../../src/postgres/database';
import type { InactivityRule } from '../../src/privacy/inactive-users';
import { Inactivity } from '../../src/privacy/inactivity';
import { Retention, type RetentionOutcome } from '../../src/privacy/retention';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import { createServices, type Services } from '../../src/services';
import { createLogger, type Logger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import type { TestApp } from './app';

/** A policy in which every configurable expiry is off. */
export const keepsEverything: RetentionPolicy = {
  RETENTION_DEACTIVATED_DAYS: null,
  RETENTION_HISTORY_DAYS: null,
  PARKED_RETENTION_DAYS: null,
  OUTBOX_RETENTION_DAYS: null,
  WAITING_DAYS: null,
};

export interface RetentionExtras {
  limits?: RetentionOutcome;
  metrics?: Metrics;
  log?: Logger;
  /** null keeps inactive users. */
  inactivity?: InactivityRule | null;
}

/** Retention of one more replica. Expiries that `policy` does not set are off. */
export function createRetention(
  database: Database,
  policy: Partial<RetentionPolicy> = {},
  {
    limits = {},
    metrics = createMetrics(),
    log = createLogger({ level: 'silent' }),
    inactivity: rule = null,
  }: RetentionExtras = {},
): Retention {
  const services = createReplicaServices(database, metrics);
  const { erasures, audit } = services;
  return new Retention({
    database,
    erasures,
    inactivity: new Inactivity({ ...services, database, rule, metrics, log }),
    audit,
    policy: { ...keepsEverything, ...policy },
    metrics,
    log,
    limits,
  });
}

/** The services of one more replica, with an in-process cache and without RabbitMQ. */
export function createReplicaServices(database: Database, metrics: Metrics): Services {
  return createServices({
    database,
    recordCache: new InProcessRecordCache(),
    metrics,
    log: createLogger({ level: 'silent' }),
    authenticationServiceUrl: null,
  });
}

/** Lets a user be inactive for 101 days and warns them, as a policy of 100 days does. */
export async function warnInactiveUser(
  app: Pick<TestApp, 'databaseUrl' | 'sql'>,
  userId: string,
): Promise<void> {
  const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 2);
  await database.connect();
  try {
    await app.sql("UPDATE users SET created_at = now() - interval '101 days' WHERE id = $1", [userId]);
    const rule: InactivityRule = { days: 100, warningDays: 30, countsFromCommit: false };
    await createRetention(database, {}, { inactivity: rule }).run();
  } finally {
    await database.close();
  }
}
