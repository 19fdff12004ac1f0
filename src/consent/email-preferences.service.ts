import type { AuditLog } from '../audit/audit-log';
import type { Database, Transaction } from '../postgres/database';
import type { Idempotency } from '../users/idempotency';
import { parseUserId } from '../users/normalized';
import { type EmailTopic, emailTopics, type User } from '../users/user.entity';
import { UserNotActiveError, UserNotFoundError } from '../users/user.errors';
import { userEmailPreferencesUpdated } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import type { Caller, UserChanges } from '../users/user-changes';
import type { DecisionEvidence, EmailPreferenceLedger } from './email-preference-ledger';
import { type EmailDecision, evolve } from './email-preferences.projection';

export type EmailChoices = { [T in EmailTopic]?: boolean | null | undefined };

export interface UpdateEmailPreferences extends EmailChoices {
  userId: string;
  /** Where the person said so. */
  source?: string | null | undefined;
  /** Which wording the person was shown. */
  wordingVersion?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
}

/** Who acts where somebody follows the link in a mail: whoever holds it. */
const linkActor = { id: 'unsubscribe-link', scopes: new Set<never>() };

/** What people allow e-mail about, and the ledger of who said so. */
export class EmailPreferencesService {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly changes: UserChanges,
    private readonly ledger: EmailPreferenceLedger,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Takes the decisions that the input names. Every decision is kept, also one that repeats what was so already;
   * only a real change, or the first decision ever, counts as a version.
   *
   * @throws UserNotFoundError, UserNotActiveError, InvalidInputError, IdempotencyConflictError
   */
  async update(caller: Caller, input: UpdateEmailPreferences): Promise<User> {
    const reader = new InputReader();
    const source = reader.optional('source', input.source, 1, 100);
    const wordingVersion = reader.optional('wordingVersion', input.wordingVersion, 1, 100);
    reader.idempotencyKey(input.idempotencyKey);
    for (const topic of emailTopics) {
      if (input[topic] === null) reader.problem(topic, 'REQUIRED', 'must be true or false, or left out');
    }
    return this.idempotency.run({ caller, mutation: 'updateEmailPreferences', input }, async (tx) => {
      const id = parseUserId(input.userId);
      const user = id === null ? null : await this.users.lock(tx, id);
      if (!user) throw new UserNotFoundError();
      reader.finish();
      if (user.status !== 'ACTIVE') throw new UserNotActiveError();

      const choices: Partial<Record<EmailTopic, boolean>> = {};
      for (const topic of emailTopics) if (typeof input[topic] === 'boolean') choices[topic] = input[topic];
      if (Object.keys(choices).length === 0) return user;
      return this.decide(tx, caller, user, choices, { source, wordingVersion, actorId: caller.actor.id });
    });
  }

  /**
   * Turns one topic off on behalf of whoever holds a link to do so, also where the account is out of use. Saying so
   * again leaves no trace; nor does it where there is no such user.
   */
  async unsubscribe(userId: string, topic: EmailTopic, traceparent: string | null): Promise<void> {
    await this.database.transaction(async (tx) => {
      const user = await this.users.lock(tx, userId);
      if (!user || user.status === 'PENDING') return;
      if (!user[topic] && (await this.ledger.findLast(tx, user.id, topic)) === false) return;
      const evidence = { source: 'one-click', wordingVersion: null, actorId: linkActor.id };
      await this.decide(tx, { actor: linkActor, traceparent }, user, { [topic]: false }, evidence);
    });
  }

  private async decide(
    tx: Transaction,
    caller: Caller,
    user: User,
    choices: EmailDecision['choices'],
    evidence: DecisionEvidence,
  ): Promise<User> {
    const at = await this.ledger.momentAfterAll(tx, user.id, this.changes.timeFor(user));
    await this.ledger.append(tx, user.id, { at, choices }, evidence);
    const before = { ...user, updatedAt: user.preferencesUpdatedAt };
    const after = evolve(before, { at, choices });
    if (after === before) {
      await this.audit.record(tx, {
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
    const changes = {
      ...choices,
      unsubscribedAt: after.unsubscribedAt,
      preferencesUpdatedAt: after.updatedAt,
    };
    return this.changes.apply(tx, user, changes, at, userEmailPreferencesUpdated, caller);
  }
}
