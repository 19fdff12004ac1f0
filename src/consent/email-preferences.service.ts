import type { AuditLog } from '../audit/audit-log';
import { ownActorIds } from '../authentication/actor';
import type { Database, Transaction } from '../postgres/database';
import type { Idempotency } from '../users/idempotency';
import { type EmailTopic, emailTopics, type User } from '../users/user.entity';
import { userEmailPreferencesUpdated } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import { type Caller, checkActive, type UserChanges } from '../users/user-changes';
import type { DecisionEvidence, EmailPreferenceLedger } from './email-preference-ledger';
import { type EmailDecision, evolve } from './email-preferences.projection';

export type EmailChoices = { [T in EmailTopic]?: boolean | null | undefined };

export interface UpdateEmailPreferences extends EmailChoices {
  userId: string;
  /** Where the person decided. */
  source?: string | null | undefined;
  /** The version of the consent text that the person saw. */
  wordingVersion?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
}

/** The actor of unsubscribe links, which work without signing in. */
const linkActor = { id: ownActorIds.unsubscribeLink, scopes: new Set<never>() };

export interface EmailPreferencesOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly ledger: EmailPreferenceLedger;
  readonly idempotency: Idempotency;
  readonly audit: AuditLog;
}

/** A decision by an actor. */
interface Decision {
  readonly caller: Caller;
  readonly choices: EmailDecision['choices'];
  readonly evidence: Omit<DecisionEvidence, 'actorId'>;
}

/** Changes e-mail preferences and records every decision in the ledger. */
export class EmailPreferencesService {
  constructor(private readonly options: EmailPreferencesOptions) {}

  /**
   * Applies the decisions of the input. The ledger gets every decision; the version changes only with the first
   * decision and with those that change a preference.
   *
   * @throws UserNotFoundError, UserNotActiveError, InvalidInputError, IdempotencyConflictError
   */
  async update(caller: Caller, input: UpdateEmailPreferences): Promise<User> {
    const reader = new InputReader();
    const source = reader.optional('source', input.source, { maximum: 100 });
    const wordingVersion = reader.optional('wordingVersion', input.wordingVersion, { maximum: 100 });
    reader.idempotencyKey(input.idempotencyKey);
    for (const topic of emailTopics) {
      if (input[topic] === null) reader.problem(topic, 'REQUIRED', 'must be true or false, or left out');
    }
    const { idempotency, users } = this.options;
    return idempotency.run({ caller, mutation: 'updateEmailPreferences', input }, async (tx) => {
      const user = await users.lockKnown(tx, input.userId);
      reader.finish();
      checkActive(user);

      const choices: Partial<Record<EmailTopic, boolean>> = {};
      for (const topic of emailTopics) if (typeof input[topic] === 'boolean') choices[topic] = input[topic];
      if (Object.keys(choices).length === 0) return user;
      return this.decide(tx, user, { caller, choices, evidence: { source, wordingVersion } });
    });
  }

  /**
   * Turns one topic off on behalf of the holder of an unsubscribe link, also for a deactivated account. Does nothing
   * if the last decision turned it off already, or if there is no such user.
   */
  async unsubscribe(userId: string, topic: EmailTopic, traceparent: string | null): Promise<void> {
    const { database, ledger, users } = this.options;
    await database.transaction(async (tx) => {
      const user = await users.lock(tx, userId);
      if (!user || user.status === 'PENDING') return;
      if (!user[topic] && (await ledger.findLastChoice(tx, user.id, topic)) === false) return;
      await this.decide(tx, user, {
        caller: { actor: linkActor, traceparent },
        choices: { [topic]: false },
        evidence: { source: 'one-click', wordingVersion: null },
      });
    });
  }

  private async decide(tx: Transaction, user: User, { caller, choices, evidence }: Decision): Promise<User> {
    const { audit, changes, ledger } = this.options;
    const at = await ledger.timeAfterLast(tx, user.id, changes.timeFor(user));
    await ledger.append(tx, { userId: user.id, at, choices, ...evidence, actorId: caller.actor.id });
    const before = { ...user, updatedAt: user.preferencesUpdatedAt };
    const after = evolve(before, { at, choices });
    if (after === before) {
      await audit.record(tx, {
        origin: caller,
        userId: user.id,
        action: 'EMAIL_PREFERENCES_UPDATED',
        fields: emailTopics.filter((topic) => choices[topic] !== undefined),
        reason: null,
        at,
        values: { before: choices, after: choices },
      });
      return user;
    }
    const values = {
      ...choices,
      unsubscribedAt: after.unsubscribedAt,
      preferencesUpdatedAt: after.updatedAt,
    };
    return changes.apply(tx, { user, values, at, eventOf: userEmailPreferencesUpdated, origin: caller });
  }
}
