import { v7 as uuidv7 } from 'uuid';
import type { Database, Transaction } from '../postgres/database';
import { type EmailTopic, emailTopics } from '../users/user.entity';
import { EmailPreferenceDecision } from './email-preference-decision.entity';
import { type EmailDecision, type EmailPreferences, evolve, initial } from './email-preferences.projection';

/** Who said something, where, and what they were shown. */
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

/** The ledger of decisions about e-mail: appended to, and folded to learn what was in force when. */
export class EmailPreferenceLedger {
  constructor(private readonly database: Database) {}

  /** Writes down a decision about the user, whose row the transaction has locked. */
  async append(
    tx: Transaction,
    userId: string,
    { at, choices }: EmailDecision,
    evidence: DecisionEvidence,
  ): Promise<void> {
    const decided = emailTopics.filter((topic) => choices[topic] !== undefined);
    await tx.insert(
      EmailPreferenceDecision,
      decided.map((topic) => ({
        id: uuidv7(),
        userId,
        topic,
        granted: choices[topic] === true,
        ...evidence,
        decidedAt: at,
      })),
    );
  }

  /** `at`, or the first moment after all that was decided: replicas' clocks must not change the order. */
  async momentAfterAll(tx: Transaction, userId: string, at: Date): Promise<Date> {
    const [row]: { last: Date | null }[] = await tx.manager.query(
      'SELECT max(decided_at) AS last FROM email_preference_decisions WHERE user_id = $1',
      [userId],
    );
    return new Date(Math.max(at.getTime(), (row?.last?.getTime() ?? 0) + 1));
  }

  /** What the user said last about a topic; null when nothing. */
  async findLast(tx: Transaction, userId: string, topic: EmailTopic): Promise<boolean | null> {
    const [row]: { granted: boolean }[] = await tx.manager.query(
      `SELECT granted FROM email_preference_decisions WHERE user_id = $1 AND topic = $2
       ORDER BY decided_at DESC, id DESC LIMIT 1`,
      [userId, topic],
    );
    return row?.granted ?? null;
  }

  /** What was in force at a moment, one statement for any number of users; who had decided nothing is absent. */
  async foldUntil(userIds: readonly string[], at: Date): Promise<Map<string, EmailPreferences>> {
    const rows = await this.database.query<LedgerRow>(
      `SELECT user_id AS "userId", topic, granted, decided_at AS "decidedAt" FROM email_preference_decisions
       WHERE user_id = ANY ($1::uuid[]) AND decided_at <= $2 ORDER BY user_id, decided_at, id`,
      [userIds, at],
    );
    const folded = new Map<string, EmailPreferences>();
    for (const { userId, decision } of decisionsIn(rows))
      folded.set(userId, evolve(folded.get(userId) ?? initial, decision));
    return folded;
  }
}

/** Rows of one user and one moment are one decision. */
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
