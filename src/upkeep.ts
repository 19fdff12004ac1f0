import { AuditSealer } from './audit/audit-sealer';
import { Outbox } from './outbox/outbox';
import { type Job, PeriodicJob, sideBySide } from './periodic-job';
import type { RetentionPolicy } from './personal-data/expiries';
import type { Database } from './postgres/database';
import { ErasureLoop } from './privacy/erasure-loop';
import { Retention } from './privacy/retention';
import type { Services } from './services';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';

const tenMinutesMs = 600_000;

export interface UpkeepOptions {
  readonly services: Services;
  /** The connections that no request waits for. */
  readonly background: Database;
  readonly policy: RetentionPolicy;
  /** How often to look for what has had its time, in milliseconds; ten minutes unless told. */
  readonly retentionIntervalMs?: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** What the service does by itself to what it stores, put together: going on with erasures, removing what has had its time, sealing. */
export function createUpkeep(options: UpkeepOptions): Job {
  const { services, background, policy, metrics, log, retentionIntervalMs = tenMinutesMs } = options;
  const { audit, erasures, users } = services;
  const retention = new Retention({ database: background, users, erasures, audit, policy, metrics, log });
  return sideBySide([
    new PeriodicJob({
      intervalMs: retentionIntervalMs,
      onFailure: 'what has had its time could not be removed',
      log,
      work: (stopping) => retention.run(stopping),
    }),
    new ErasureLoop({ erasures, log }),
    // Nobody waits for a seal: the relay finds what tells of it by its poll.
    new AuditSealer({ database: background, outbox: new Outbox(), log }),
  ]);
}
