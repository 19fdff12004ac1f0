import { DataSource, type DataSourceOptions } from 'typeorm';
import { CreateUsers1795378879925 } from '../migrations/1795378879925-CreateUsers';
import { OrderOutbox1795381200000 } from '../migrations/1795381200000-OrderOutbox';
import { CreateCommerce1795384800000 } from '../migrations/1795384800000-CreateCommerce';
import { CreateAudit1795388400000 } from '../migrations/1795388400000-CreateAudit';
import { RecordErasures1795390200000 } from '../migrations/1795390200000-RecordErasures';
import { ExpireHistory1795391400000 } from '../migrations/1795391400000-ExpireHistory';
import { SealAudit1795394000000 } from '../migrations/1795394000000-SealAudit';
import { KeepConsents1795398000000 } from '../migrations/1795398000000-KeepConsents';
import { NameUsersOfParkedMessages1795402000000 } from '../migrations/1795402000000-NameUsersOfParkedMessages';
import { BoundParkedMessages1795965053000 } from '../migrations/1795965053000-BoundParkedMessages';
import { NameContactsOfParkedMessages1795968069000 } from '../migrations/1795968069000-NameContactsOfParkedMessages';
import { CountAddressChanges1795968100000 } from '../migrations/1795968100000-CountAddressChanges';
import { IndexIdsOfParkedMessages1795968190000 } from '../migrations/1795968190000-IndexIdsOfParkedMessages';
import { IdentifyDatabase1795968700000 } from '../migrations/1795968700000-IdentifyDatabase';
import { GroupAuditedReads1795969000000 } from '../migrations/1795969000000-GroupAuditedReads';
import { AuditEntry } from './audit/audit-entry.entity';
import { AuditKey } from './audit/audit-key.entity';
import { AuditSeal } from './audit/audit-seal.entity';
import { UnsealedAuditEntry } from './audit/unsealed-audit-entry.entity';
import { UserCommerce } from './commerce/user-commerce.entity';
import { UserOrder } from './commerce/user-order.entity';
import { UserSpending } from './commerce/user-spending.entity';
import { WaitingEvent } from './commerce/waiting-event.entity';
import { EmailPreferenceDecision } from './consent/email-preference-decision.entity';
import { ErasedEvent } from './erased/erased-event.entity';
import { ErasedUser } from './erased/erased-user.entity';
import { HistoryEntry } from './history/history-entry.entity';
import { OutboxEvent } from './outbox/outbox-event.entity';
import { DeliveryAttempt } from './parked/delivery-attempt.entity';
import { ParkedMessage } from './parked/parked-message.entity';
import { ConnectionAttempts } from './postgres/connection-attempts';
import { Database } from './postgres/database';
import { DatabaseIdentity } from './postgres/database-identity.entity';
import { DeadlineClient, type ServerTimeouts } from './postgres/deadline-client';
import { findPendingMigrations, runMigrations } from './postgres/migrate';
import { QueryFailureLogger } from './postgres/query-failure-logger';
import { Erasure } from './privacy/erasure.entity';
import { LegalHold } from './privacy/legal-hold.entity';
import type { Logger } from './telemetry/logger';
import { AddressChange } from './users/address-change.entity';
import { EmailVerificationToken } from './users/email-verification-token.entity';
import { IdempotencyKey } from './users/idempotency-key.entity';
import { SigningKey } from './users/signing-key.entity';
import { User } from './users/user.entity';

export interface DataSourceSettings {
  url: string;
  log: Logger;
  poolSize?: number | undefined;
  /** False for migrations, which may take as long as they need. */
  deadlines?: boolean;
}

/** The client's timeout of one query. It is above the server's, so that the server's error arrives first. */
const queryTimeoutMs = 3000;
const serverTimeouts: ServerTimeouts = {
  statement_timeout: 2500,
  lock_timeout: 1000,
  idle_in_transaction_session_timeout: 5000,
};

/** The one description of the database: entities, migrations, pool, deadlines (milliseconds). Not connected yet. */
export function createDataSource(settings: DataSourceSettings): DataSource {
  const options: DataSourceOptions = {
    type: 'postgres',
    url: settings.url,
    applicationName: 'user-service',
    entities: [
      User,
      HistoryEntry,
      UserCommerce,
      UserSpending,
      UserOrder,
      WaitingEvent,
      ParkedMessage,
      DeliveryAttempt,
      OutboxEvent,
      EmailPreferenceDecision,
      EmailVerificationToken,
      AddressChange,
      IdempotencyKey,
      SigningKey,
      AuditEntry,
      AuditKey,
      UnsealedAuditEntry,
      AuditSeal,
      Erasure,
      ErasedUser,
      ErasedEvent,
      LegalHold,
      DatabaseIdentity,
    ],
    migrations: [
      CreateUsers1795378879925,
      OrderOutbox1795381200000,
      CreateCommerce1795384800000,
      CreateAudit1795388400000,
      RecordErasures1795390200000,
      ExpireHistory1795391400000,
      SealAudit1795394000000,
      KeepConsents1795398000000,
      NameUsersOfParkedMessages1795402000000,
      BoundParkedMessages1795965053000,
      NameContactsOfParkedMessages1795968069000,
      CountAddressChanges1795968100000,
      IndexIdsOfParkedMessages1795968190000,
      IdentifyDatabase1795968700000,
      GroupAuditedReads1795969000000,
    ],
    migrationsTableName: 'schema_migrations',
    installExtensions: false,
    synchronize: false,
    logging: true,
    logger: new QueryFailureLogger(settings.log),
    extra: {
      Client: DeadlineClient,
      max: settings.poolSize ?? 10,
      connectionTimeoutMillis: settings.deadlines === false ? 5000 : 2000,
      keepAlive: true,
      ...(settings.deadlines === false
        ? {}
        : {
            query_timeout: queryTimeoutMs,
            onConnect: (client: DeadlineClient) => client.enforce(serverTimeouts),
          }),
    },
  };
  return new DataSource(options);
}

/** A database with this service's schema. It connects when `connect` is called. */
export function openDatabase(url: string, log: Logger, poolSize?: number): Database {
  return openDatabases(url, log, { only: poolSize }).only;
}

/** Several pools of one database, by name and size. The first that connects migrates for all. */
export function openDatabases<Name extends string>(
  url: string,
  log: Logger,
  poolSizes: Readonly<Record<Name, number | undefined>>,
): Record<Name, Database> {
  let migrating: Promise<void> | undefined;
  const migrateOnce = (signal: AbortSignal) => {
    migrating ??= migrate(url, log, signal).then(
      (names) => {
        if (names.length > 0) log.info({ migrations: names }, 'migrations applied');
      },
      (error: unknown) => {
        migrating = undefined;
        throw error;
      },
    );
    return migrating;
  };
  const attempts = new ConnectionAttempts(log);
  const open = (poolSize: number | undefined) =>
    new Database({ dataSource: createDataSource({ url, log, poolSize }), migrate: migrateOnce, attempts });
  const entries = Object.entries<number | undefined>(poolSizes);
  return Object.fromEntries(entries.map(([name, size]) => [name, open(size)])) as Record<Name, Database>;
}

/**
 * Runs the pending migrations and returns their names. Safe from any number of replicas at the same time: waits until
 * no other process migrates, or `signal` is aborted.
 */
export function migrate(url: string, log: Logger, signal = new AbortController().signal): Promise<string[]> {
  return runMigrations(createMigrationDataSource(url, log), { log, signal });
}

/** Returns the names of the migrations that have not run; changes nothing. */
export function pendingMigrations(url: string, log: Logger): Promise<string[]> {
  return findPendingMigrations(createMigrationDataSource(url, log));
}

/** One connection, without timeouts, as migrations take as long as they need. */
function createMigrationDataSource(url: string, log: Logger): DataSource {
  return createDataSource({ url, log, poolSize: 1, deadlines: false });
}
