import { UserActivityRepository } from './activity/user-activity.repository';
import { AccessLog } from './audit/access-log';
import { AuditRepository } from './audit/audit.repository';
import { AuditLog } from './audit/audit-log';
import { ReadWindow } from './audit/read-window';
import { createCredentialsClient } from './authentication/credentials-client';
import { EmailPreferenceLedger } from './consent/email-preference-ledger';
import { EmailPreferencesService } from './consent/email-preferences.service';
import { UnsubscribeLinks } from './consent/unsubscribe-links';
import { Outbox } from './outbox/outbox';
import type { Database } from './postgres/database';
import { ErasureStarter } from './privacy/erasure-starter';
import { Erasures } from './privacy/erasures';
import { LegalHolds } from './privacy/legal-holds';
import { ScheduledErasures } from './privacy/scheduled-erasures';
import { UserDataExport } from './privacy/user-data-export';
import type { RecordCache } from './redis/record-cache';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';
import type { Tracing } from './telemetry/tracing';
import { AddressChanges } from './users/address-changes';
import { ExternalIdsService } from './users/external-ids.service';
import { Idempotency } from './users/idempotency';
import { OwnProfiles } from './users/own-profiles';
import { PastProfiles } from './users/past-profiles';
import { SigningKeys } from './users/signing-keys';
import { UserCache } from './users/user.cache';
import { UserRepository } from './users/user.repository';
import { UserService } from './users/user.service';
import { UserChanges } from './users/user-changes';
import { UserDirectory } from './users/user-directory';
import { UserImport } from './users/user-import';
import { EmailVerificationService } from './verification/email-verification.service';
import { PhoneVerificationService } from './verification/phone-verification.service';
import { Wakeups } from './wakeups';

export interface ServicesOptions {
  readonly database: Database;
  /** The connections for retention and for the batches of erasures; defaults to `database`. */
  readonly removals?: Database;
  readonly recordCache: RecordCache;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** null if there is no AuthenticationService; then passwords are refused. */
  readonly authenticationServiceUrl: string | null;
  /** Traces calls to other services; null for no tracing. */
  readonly tracing?: Tracing | null;
  /** Called after commits. Absent: events are found by polling. */
  readonly wakeups?: Wakeups;
  /**
   * Time after which the call that starts an erasure leaves the rest to the erasure loop, in milliseconds;
   * defaults to 3,000.
   */
  readonly erasurePatienceMs?: number;
  /** Days after which erasures that people request for themselves are due; defaults to 0. */
  readonly erasureGraceDays?: number;
  /** How long repeated reads share an audit entry; defaults to 0: each has its own. */
  readonly auditReadWindowSeconds?: number;
}

export type Services = ReturnType<typeof createServices>;

/** Composes the services over their backing services, for the server and for commands. */
export function createServices(options: ServicesOptions) {
  const {
    database,
    removals = database,
    recordCache,
    metrics,
    log,
    authenticationServiceUrl,
    tracing = null,
    wakeups = new Wakeups(),
    erasurePatienceMs: patienceMs = 3_000,
    erasureGraceDays: ownGraceDays = 0,
    auditReadWindowSeconds = 0,
  } = options;
  const users = new UserRepository(database);
  const cache = new UserCache(users, { cache: recordCache, metrics, log });
  const outbox = new Outbox(wakeups.eventsCommitted);
  const auditTrail = new AuditRepository(database);
  const audit = new AuditLog(auditTrail, outbox);
  const changes = new UserChanges({ database, users, cache, outbox, audit, onUserKnown: wakeups.userKnown });
  const keys = new SigningKeys(database);
  const idempotency = new Idempotency(database, users, keys);
  const credentials =
    authenticationServiceUrl === null
      ? null
      : createCredentialsClient({ baseUrl: new URL(authenticationServiceUrl), log, tracing });
  const erasureStarter = new ErasureStarter({ cache, outbox, audit });
  const createScheduledErasures = (starting: Database) =>
    new ScheduledErasures({ database: starting, users, changes, outbox, audit, erasureStarter, metrics });
  const scheduledErasures = createScheduledErasures(database);
  const createErasures = (starting: Database) =>
    new Erasures({
      database: starting,
      removals,
      users,
      cache,
      erasureStarter,
      scheduledErasures,
      ownGraceDays,
      log,
      patienceMs,
    });
  const ledger = new EmailPreferenceLedger(database);
  const emailPreferences = new EmailPreferencesService({
    database,
    users,
    changes,
    ledger,
    idempotency,
    audit,
  });
  const addressChanges = new AddressChanges(database);
  const userService = new UserService({
    database,
    users,
    changes,
    idempotency,
    addressChanges,
    credentials,
    onReactivated: (tx, caller, userId) => scheduledErasures.cancelIn(tx, caller, userId),
  });
  return {
    audit,
    erasures: createErasures(database),
    /** Those that no request waits for. */
    backgroundErasures: createErasures(removals),
    scheduledErasures,
    backgroundScheduledErasures: createScheduledErasures(removals),
    outbox,
    changes,
    legalHolds: new LegalHolds(database, users, audit),
    userDataExport: new UserDataExport(database, audit),
    users,
    activity: new UserActivityRepository(database),
    cache,
    auditTrail,
    pastProfiles: new PastProfiles(database, auditTrail),
    accessLog: new AccessLog(database, audit, auditReadWindowSeconds > 0 ? new ReadWindow() : null),
    userDirectory: new UserDirectory(database, users, audit),
    userImport: new UserImport({ database, changes, idempotency }),
    userService,
    ownProfiles: new OwnProfiles(userService, addressChanges),
    externalIds: new ExternalIdsService({ database, users, changes, idempotency }),
    emailPreferences,
    emailPreferenceLedger: ledger,
    unsubscribeLinks: new UnsubscribeLinks(keys, emailPreferences),
    signingKeys: keys,
    phoneVerification: new PhoneVerificationService({
      database,
      users,
      changes,
      idempotency,
      keys,
      outbox,
      audit,
      metrics,
    }),
    emailVerification: new EmailVerificationService({ database, users, changes, keys, outbox, audit }),
  };
}
