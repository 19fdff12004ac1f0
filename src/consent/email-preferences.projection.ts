import { type EmailTopic, emailTopics } from '../users/user.entity';

/** What a person allows e-mail about, at some moment. */
export type EmailPreferences = { readonly [T in EmailTopic]: boolean } & {
  /** When everything but `orderUpdates` was last turned off; null while anything else is on, or nothing was said. */
  readonly unsubscribedAt: Date | null;
  /** When a decision last changed them; null until the first. */
  readonly updatedAt: Date | null;
};

/** What was said at one moment; what is not named stays. */
export interface EmailDecision {
  readonly at: Date;
  readonly choices: { readonly [T in EmailTopic]?: boolean };
}

/** What holds until somebody decides. */
export const initial: EmailPreferences = {
  marketing: false,
  newsletter: false,
  recommendations: false,
  loyalty: false,
  orderUpdates: true,
  unsubscribedAt: null,
  updatedAt: null,
};

/** The preferences after a decision; the very same object when it repeats what holds and is not the first one. */
export function evolve(before: EmailPreferences, { at, choices }: EmailDecision): EmailPreferences {
  const repeatsAll = emailTopics.every((topic) => (choices[topic] ?? before[topic]) === before[topic]);
  if (repeatsAll && before.updatedAt !== null) return before;
  return { ...before, ...choices, unsubscribedAt: unsubscribedAt(before, { at, choices }), updatedAt: at };
}

function unsubscribedAt(before: EmailPreferences, { at, choices }: EmailDecision): Date | null {
  const optional = emailTopics.filter((topic) => topic !== 'orderUpdates');
  if (optional.some((topic) => choices[topic] ?? before[topic])) return null;
  const turnedOffNow = optional.some((topic) => choices[topic] === false && before[topic]);
  const saidOff = optional.some((topic) => choices[topic] === false);
  if (turnedOffNow || (saidOff && before.unsubscribedAt === null)) return at;
  return before.unsubscribedAt;
}
