import { AuditSealer } from './audit/audit-sealer';
import type { Config } from './config';
import { Outbox } from './outbox/outbox';
import { OutboxRetention } from './outbox/outbox-retention';
import { PeriodicJob } from './periodic-job';
import type { Database } from './postgres/database';
import { ErasureLoop } from './privacy/erasure-loop';
import { Retention } from './privacy/retention';
import type { Services } from './services';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';
import { Expiry } from './users/expiry';

const minuteMs = 60_000;

export interface UpkeepOptions {
  readonly services: Services;
  /** The connections that no request waits for. */
  readonly background: Database;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** What the service does by itself to what it stores, put together: going on with erasures, removing what has had its time, sealing. */
export function createUpkeep({ services, background, config, metrics, log }: UpkeepOptions) {
  const { audit, erasures, users } = services;
  const policy = config.retention;
  const expiry = new Expiry(background, users);
  const outboxRetention = new OutboxRetention(background, config.outboxRetentionDays);
  const retention = new Retention({ database: background, erasures, audit, policy, metrics });
  const keepsEverything = policy.deactivatedDays === null && policy.historyDays === null;
  const jobs = [
    new PeriodicJob({
      intervalMs: minuteMs,
      onFailure: 'what has expired could not be removed',
      log,
      work: () => expiry.sweep(),
    }),
    new PeriodicJob({
      intervalMs: minuteMs,
      onFailure: 'published events could not be removed',
      log,
      work: () => outboxRetention.sweep(),
    }),
    ...(keepsEverything
      ? []
      : [
          new PeriodicJob({
            intervalMs: 10 * minuteMs,
            onFailure: 'the retention policy waits',
            log,
            work: () => retention.run(),
          }),
        ]),
    new ErasureLoop({ erasures, log }),
    // Nobody waits for a seal: the relay finds what tells of it by its poll.
    new AuditSealer({ database: background, outbox: new Outbox(), log }),
  ];
  return {
    start(): void {
      for (const job of jobs) job.start();
    },
    /** Finishes the batch in hand. */
    async stop(): Promise<void> {
      for (const job of jobs) await job.stop();
    },
  };
}
