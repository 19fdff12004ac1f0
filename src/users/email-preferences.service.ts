import { v7 as uuidv7 } from 'uuid';
import type { AuditLog } from '../audit/audit-log';
import { EmailPreferenceDecision } from './email-preference-decision.entity';
import type { Idempotency } from './idempotency';
import { parseUserId } from './normalized';
import { type EmailTopic, emailTopics, type User } from './user.entity';
import { UserNotActiveError, UserNotFoundError } from './user.errors';
import { userEmailPreferencesUpdated } from './user.events';
import type { UserRepository } from './user.repository';
import { InputReader } from './user.validation';
import type { Caller, UserChanges } from './user-changes';

export type EmailChoices = { [T in EmailTopic]?: boolean | null | undefined };

export interface UpdateEmailPreferences extends EmailChoices {
  userId: string;
  /** Where the person said so. */
  source?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
}

/** What people allow e-mail about, and the ledger of who said so. */
export class EmailPreferencesService {
  constructor(
    private readonly users: UserRepository,
    private readonly changes: UserChanges,
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

      const decided = emailTopics.filter((topic) => typeof input[topic] === 'boolean');
      if (decided.length === 0) return user;
      const at = this.changes.timeFor(user);
      await tx.insert(
        EmailPreferenceDecision,
        decided.map((topic) => ({
          id: uuidv7(),
          userId: user.id,
          topic,
          granted: input[topic] === true,
          source,
          actorId: caller.actor.id,
          decidedAt: at,
        })),
      );
      const choices: Partial<Record<EmailTopic, boolean>> = {};
      for (const topic of decided) choices[topic] = input[topic] === true;
      const repeatsAll = decided.every((topic) => user[topic] === choices[topic]);
      if (repeatsAll && user.preferencesUpdatedAt !== null) {
        await this.audit.record(tx, {
          origin: caller,
          userId: user.id,
          action: 'EMAIL_PREFERENCES_UPDATED',
          fields: decided,
          reason: null,
          at,
          values: { before: choices, after: choices },
        });
        return user;
      }
      const changes = {
        ...choices,
        unsubscribedAt: unsubscribedAt(user, choices, at),
        preferencesUpdatedAt: at,
      };
      return this.changes.apply(tx, user, changes, at, userEmailPreferencesUpdated, caller);
    });
  }
}

/** When everything but `orderUpdates` was last turned off; null while anything else is on, or nothing ever was said. */
function unsubscribedAt(user: User, choices: Partial<Record<EmailTopic, boolean>>, at: Date): Date | null {
  const optional = emailTopics.filter((topic) => topic !== 'orderUpdates');
  if (optional.some((topic) => choices[topic] ?? user[topic])) return null;
  const turnedOffNow = optional.some((topic) => choices[topic] === false && user[topic]);
  const saidOff = optional.some((topic) => choices[topic] === false);
  if (turnedOffNow || (saidOff && user.unsubscribedAt === null)) return at;
  return user.unsubscribedAt;
}
