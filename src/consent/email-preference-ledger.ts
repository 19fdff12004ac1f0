import type { Database, Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import { type EmailTopic, emailTopics } from '../users/user.entity';
import { EmailPreferenceDecision } from './email-preference-decision.entity';
import { type EmailDecision, type EmailPreferences, evolve, initial } from './email-preferences.projection';

/** The evidence of a decision: who made it, where, and which wording they saw. */
export interface DecisionEvidence {
  readonly source: string | null;
  readonly wordingVersion: string | null;
  readonly actorId: string;
}

interface LedgerRow {
  userId: string;
  topic: EmailTopic;
  granted: boolean;
  decidedAt: Date;
}

/** The ledger of decisions about e-mail. The decisions up to a time give the preferences at that time. */
export class EmailPreferenceLedger {
  constructor(private readonly database: Database) {}

  /**
   * Appends a row for each topic in `choices`, all with the time `at`. Lock the user's row before: two concurrent
   * decisions could otherwise have the same time.
   */
  async append(
    tx: Transaction,
    { userId, at, choices, ...evidence }: EmailDecision & DecisionEvidence & { readonly userId: string },
  ): Promise<void> {
    const decided = emailTopics.filter((topic) => choices[topic] !== undefined);
    await tx.insert(
      EmailPreferenceDecision,
      decided.map((topic) => ({
        id: newId(),
        userId,
        topic,
        granted: choices[topic] === true,
        ...evidence,
        decidedAt: at,
      })),
    );
  }

  /**
   * Returns the later of `at` and a millisecond after the user's last decision, because replicas' clocks differ. Lock
   * the user's row before.
   */
  async timeAfterLast(tx: Transaction, userId: string, at: Date): Promise<Date> {
    const [row]: { last: Date | null }[] = await tx.manager.query(
      'SELECT max(decided_at) AS last FROM email_preference_decisions WHERE user_id = $1',
      [userId],
    );
    return new Date(Math.max(at.getTime(), (row?.last?.getTime() ?? 0) + 1));
  }

  /** Returns whether the user's last decision turned the topic on; null without a decision. */
  async findLastChoice(tx: Transaction, userId: string, topic: EmailTopic): Promise<boolean | null> {
    const [row]: { granted: boolean }[] = await tx.manager.query(
      `SELECT granted FROM email_preference_decisions WHERE user_id = $1 AND topic = $2
       ORDER BY decided_at DESC, id DESC LIMIT 1`,
      [userId, topic],
    );
    return row?.granted ?? null;
  }

  /** Returns the preferences of users at a time, that instant included. Users without a decision by then are absent. */
  async preferencesAt(userIds: readonly string[], at: Date): Promise<Map<string, EmailPreferences>> {
    const rows = await this.database.query<LedgerRow>(
      `SELECT user_id AS "userId", topic, granted, decided_at AS "decidedAt" FROM email_preference_decisions
       WHERE user_id = ANY ($1::uuid[]) AND decided_at <= $2 ORDER BY user_id, decided_at, id`,
      [userIds, at],
    );
    const preferences = new Map<string, EmailPreferences>();
    for (const { userId, decision } of decisionsIn(rows))
      preferences.set(userId, evolve(preferences.get(userId) ?? initial, decision));
    return preferences;
  }
}

/** Groups rows with the same user and time into one decision. */
function decisionsIn(rows: readonly LedgerRow[]): { userId: string; decision: EmailDecision }[] {
  const decisions: { userId: string; decision: { at: Date; choices: { [T in EmailTopic]?: boolean } } }[] =
    [];
  for (const { userId, topic, granted, decidedAt } of rows) {
    const last = decisions.at(-1);
    if (last?.userId === userId && last.decision.at.getTime() === decidedAt.getTime())
      last.decision.choices[topic] = granted;
    else decisions.push({ userId, decision: { at: decidedAt, choices: { [topic]: granted } } });
  }
  return decisions;
}
