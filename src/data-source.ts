import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import { UserActivity } from './activity/user-activity.entity';
import { AuditArchive } from './audit/audit-archive.entity';
import { AuditEntry } from './audit/audit-entry.entity';
import { AuditKey } from './audit/audit-key.entity';
import { AuditSeal } from './audit/audit-seal.entity';
import { UnsealedAuditEntry } from './audit/unsealed-audit-entry.entity';
import { CancelledOrder } from './commerce/cancelled-order.entity';
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
import { InactivityWarning } from './privacy/inactivity-warning.entity';
import { LegalHold } from './privacy/legal-hold.entity';
import type { Logger } from './telemetry/logger';
import { AddressChange } from './users/address-change.entity';
import { ExternalIdHolder } from './users/external-id-holder.entity';
import { IdempotencyKey } from './users/idempotency-key.entity';
import { UnseenUser } from './users/lists/unseen-user.entity';
import { UserSearchTerm } from './users/lists/user-search-term.entity';
import { SigningKey } from './users/signing-key.entity';
import { User } from './users/user.entity';
import { EmailVerificationToken } from './verification/email-verification-token.entity';
import { PhoneVerificationCode } from './verification/phone-verification-code.entity';

const migrationsFolder = join(__dirname, '../migrations');
/** Every migration of the folder; TypeORM orders them by the time in their names. */
const migrations = readdirSync(migrationsFolder)
  .filter((file) => /\.[jt]s$/.test(file))
  .flatMap((file) => Object.values<new () => MigrationInterface>(require(join(migrationsFolder, file))));

export interface DataSourceSettings {
  url: string;
  log: Logger;
  poolSize?: number | undefined;
  /** False for migrations, which may take as long as they need. */
  deadlines?: boolean;
}

/** The client's timeout of one query. It is above the server's, so that the server's error arrives first. */
const queryTimeoutMs = 3000;
/** Statements that take longer are logged. */
const slowQueryMs = 1000;
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
      UserSearchTerm,
      UnseenUser,
      HistoryEntry,
      UserCommerce,
      UserSpending,
      UserOrder,
      CancelledOrder,
      WaitingEvent,
      ParkedMessage,
      DeliveryAttempt,
      OutboxEvent,
      EmailPreferenceDecision,
      EmailVerificationToken,
      ExternalIdHolder,
      PhoneVerificationCode,
      AddressChange,
      UserActivity,
      IdempotencyKey,
      SigningKey,
      AuditEntry,
      AuditKey,
      UnsealedAuditEntry,
      AuditSeal,
      AuditArchive,
      Erasure,
      ErasedUser,
      ErasedEvent,
      LegalHold,
      InactivityWarning,
      DatabaseIdentity,
    ],
    migrations,
    migrationsTableName: 'schema_migrations',
    installExtensions: false,
    synchronize: false,
    logging: true,
    logger: new QueryFailureLogger(settings.log),
    ...(settings.deadlines === false ? {} : { maxQueryExecutionTime: slowQueryMs }),
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

/** One pool of connections. `connect` migrates the database, then connects. */
export function openDatabase(url: string, log: Logger, poolSize?: number): Database {
  return openDatabases(url, log, { only: poolSize }).only;
}

/** One pool of connections. `connect` migrates nothing: it throws an error if migrations are pending. */
export function openMigratedDatabase(url: string, log: Logger, poolSize: number): Database {
  return new Database({
    dataSource: createDataSource({ url, log, poolSize }),
    async migrate() {
      const { length } = await pendingMigrations(url, log);
      if (length > 0) throw new Error(`Pending migrations: ${length}. Run user-service migrate first.`);
    },
    attempts: new ConnectionAttempts(log),
  });
}

/** A pool of connections to a streaming replica. `connect` never migrates it. */
export function openReplica(
  url: string,
  log: Logger,
  { name, poolSize }: { name: string; poolSize: number },
): Database {
  const attempts = new ConnectionAttempts(log, `PostgreSQL ${name}`);
  return new Database({
    dataSource: createDataSource({ url, log, poolSize }),
    migrate: async () => undefined,
    attempts,
  });
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

/** One connection, without a limit on the time of a statement, as migrations take as long as they need. */
function createMigrationDataSource(url: string, log: Logger): DataSource {
  return createDataSource({ url, log, poolSize: 1, deadlines: false });
}
