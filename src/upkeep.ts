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
  /** Connections reserved for background work, so that requests never wait for it. */
  readonly background: Database;
  readonly policy: RetentionPolicy;
  /** How often to apply the retention policy, in milliseconds; defaults to ten minutes. */
  readonly retentionIntervalMs?: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Composes the background jobs on stored data: retention, erasures and audit seals. */
export function createUpkeep(options: UpkeepOptions): Job {
  const { services, background, policy, metrics, log, retentionIntervalMs = tenMinutesMs } = options;
  const { audit, erasures, users } = services;
  const retention = new Retention({ database: background, users, erasures, audit, policy, metrics, log });
  return sideBySide([
    new PeriodicJob({
      intervalMs: retentionIntervalMs,
      onFailure: 'could not remove expired records',
      log,
      work: (stopping) => retention.run(stopping),
    }),
    new ErasureLoop({ erasures, log }),
    // Without a wake function: no caller waits for a seal, so the relay finds its event at the next poll.
    new AuditSealer({ database: background, outbox: new Outbox(), log }),
  ]);
}
