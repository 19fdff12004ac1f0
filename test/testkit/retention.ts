import type { RetentionPolicy } from '../../src/personal-data/expiries';
import type { Database } from '../../src/postgres/database';
import { Retention, type RetentionOutcome } from '../../src/privacy/retention';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import { createServices, type Services } from '../../src/services';
import { createLogger, type Logger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';

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
}

/** Retention of one more replica. Expiries that `policy` does not set are off. */
export function createRetention(
  database: Database,
  policy: Partial<RetentionPolicy> = {},
  { limits = {}, metrics = createMetrics(), log = createLogger({ level: 'silent' }) }: RetentionExtras = {},
): Retention {
  const { erasures, audit } = createReplicaServices(database, metrics);
  return new Retention({
    database,
    erasures,
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
