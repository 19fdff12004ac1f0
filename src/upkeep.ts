import type { AccessLog } from './audit/access-log';
import { AuditSealer } from './audit/audit-sealer';
import { Outbox } from './outbox/outbox';
import type { RetentionPolicy } from './personal-data/expiries';
import type { Database } from './postgres/database';
import { sampleCounts } from './postgres/sampled-counts';
import { createErasureLoop } from './privacy/erasure-loop';
import type { InactivityRule } from './privacy/inactive-users';
import { Inactivity } from './privacy/inactivity';
import { Retention } from './privacy/retention';
import { measureRunningErasures } from './privacy/running-erasures';
import { type Job, parallel } from './scheduling/job';
import { PeriodicLoop } from './scheduling/periodic-loop';
import type { Services } from './services';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';
import { userStatuses } from './users/user.entity';

const tenMinutesMs = 600_000;
/** How long an audit entry waits at most before it is sealed. */
const sealIntervalMs = 5_000;

export interface UpkeepOptions {
  readonly services: Services;
  /** The connections that no request waits for. */
  readonly background: Database;
  /** The connections for retention. */
  readonly removals: Database;
  readonly policy: RetentionPolicy;
  /** null keeps inactive users. */
  readonly inactivityRule: InactivityRule | null;
  /** How long repeated reads share an audit entry; defaults to 0: each has its own. */
  readonly auditReadWindowSeconds?: number;
  /** Time between retention runs, in milliseconds; defaults to ten minutes. */
  readonly retentionIntervalMs?: number | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Composes the background jobs on stored data: retention, erasures and audit seals. */
export function createUpkeep(options: UpkeepOptions): Job {
  const {
    services,
    background,
    removals,
    policy,
    inactivityRule: rule,
    auditReadWindowSeconds = 0,
    metrics,
    log,
    retentionIntervalMs = tenMinutesMs,
  } = options;
  const { audit, backgroundErasures: erasures, backgroundScheduledErasures: scheduledErasures } = services;
  const inactivity = new Inactivity({ ...services, database: removals, rule, metrics, log });
  const retention = new Retention({ database: removals, erasures, inactivity, audit, policy, metrics, log });
  // Without a wake function: no caller waits for a seal, so the relay finds its event at the next poll.
  const sealer = new AuditSealer({ database: background, outbox: new Outbox(), log });
  metrics.watchStored('erasures', () => measureRunningErasures(background));
  metrics.watchStored('unsealed', () => sealer.measure());
  metrics.watchStored('users', () =>
    sampleCounts(background, { table: 'users', column: 'status', values: userStatuses }),
  );
  return parallel([
    new PeriodicLoop({
      intervalMs: retentionIntervalMs,
      startsImmediately: false,
      work: async (signal) => {
        await retention.run(signal);
        if (!signal.aborted) metrics.retentionLastSuccess.setToCurrentTime();
      },
      onFailure: (err) => log.warn({ err }, 'could not remove expired records'),
    }),
    createErasureLoop({ erasures, scheduledErasures, metrics, log }),
    new PeriodicLoop({
      intervalMs: sealIntervalMs,
      startsImmediately: true,
      work: (signal) => sealer.sealAll(signal),
      onFailure: (err) => log.warn({ err }, 'could not seal audit entries: retrying'),
    }),
    ...(auditReadWindowSeconds > 0
      ? [createReadWindows(services.accessLog, auditReadWindowSeconds, log)]
      : []),
  ]);
}

/** Ends the window of repeated reads every `windowSeconds`, and when it is stopped. */
function createReadWindows(accessLog: AccessLog, windowSeconds: number, log: Logger): Job {
  const loop = new PeriodicLoop({
    intervalMs: windowSeconds * 1_000,
    startsImmediately: false,
    work: () => accessLog.endWindow(),
    onFailure: (err) => log.warn({ err }, 'could not record repeated reads: retrying'),
  });
  return {
    start: () => loop.start(),
    stop: async () => {
      await loop.stop();
      await accessLog
        .endWindow()
        .catch((err: unknown) => log.error({ err }, 'the counts of repeated reads were lost'));
    },
  };
}
