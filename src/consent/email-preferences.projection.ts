import { type EmailTopic, emailTopics } from '../users/user.entity';

/** A person's e-mail preferences at some time. */
export type EmailPreferences = { readonly [T in EmailTopic]: boolean } & {
  /** When all topics but `orderUpdates` were last turned off; null while one is on, and before the first decision. */
  readonly unsubscribedAt: Date | null;
  /** When a decision last changed them; null until the first one. */
  readonly updatedAt: Date | null;
};

/** A decision about some topics; the others are unchanged. */
export interface EmailDecision {
  readonly at: Date;
  readonly choices: { readonly [T in EmailTopic]?: boolean };
}

/** The preferences before the first decision. */
export const initial: EmailPreferences = {
  marketing: false,
  newsletter: false,
  recommendations: false,
  loyalty: false,
  orderUpdates: true,
  unsubscribedAt: null,
  updatedAt: null,
};

/** Returns the preferences after a decision; the same object if a later decision changes nothing. */
export function evolve(before: EmailPreferences, { at, choices }: EmailDecision): EmailPreferences {
  const repeatsAll = emailTopics.every((topic) => (choices[topic] ?? before[topic]) === before[topic]);
  if (repeatsAll && before.updatedAt !== null) return before;
  return { ...before, ...choices, unsubscribedAt: unsubscribedAt(before, { at, choices }), updatedAt: at };
}

function unsubscribedAt(before: EmailPreferences, { at, choices }: EmailDecision): Date | null {
  const optional = emailTopics.filter((topic) => topic !== 'orderUpdates');
  if (optional.some((topic) => choices[topic] ?? before[topic])) return null;
  const changesToOff = optional.some((topic) => choices[topic] === false && before[topic]);
  const turnsOff = optional.some((topic) => choices[topic] === false);
  if (changesToOff || (turnsOff && before.unsubscribedAt === null)) return at;
  return before.unsubscribedAt;
}
