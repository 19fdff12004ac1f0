import type { TestApp } from './app';
import { createUser, mutate } from './users';

export const topics = ['marketing', 'newsletter', 'recommendations', 'loyalty', 'orderUpdates'] as const;
const enumOf = (topic: string) => topic.replace(/[A-Z]/g, (it) => `_${it}`).toUpperCase();

/** The path of an unsubscribe link, which the NotificationService reads from the graph. */
export async function pathFor(
  app: TestApp,
  userId: string,
  topic: string,
  token = app.staff,
): Promise<string> {
  const { data, errors } = await app.graphql(
    'query ($id: ID!, $topic: EmailTopic!) { userEmailPreferences(userId: $id) { unsubscribeUrl(topic: $topic) } }',
    { id: userId, topic: enumOf(topic) },
    { token },
  );
  expect(errors).toEqual([]);
  const url = data.userEmailPreferences.unsubscribeUrl as string;
  expect(url).toMatch(/\/unsubscribe\/[\w.-]+$/);
  return url.slice(url.indexOf('/unsubscribe/'));
}

/** The form body of RFC 8058. */
export const oneClick = () => new URLSearchParams({ 'List-Unsubscribe': 'One-Click' });
/** Posts to a link as a mail client does. */
export const click = (app: TestApp, path: string, init: RequestInit = {}) =>
  fetch(app.url + path, { method: 'POST', redirect: 'error', body: oneClick(), ...init });

/** Creates a user with every preference on, and returns the id. */
export async function createSubscriber(app: TestApp): Promise<string> {
  const { id } = await createUser(app);
  const all = Object.fromEntries(topics.map((topic) => [topic, true]));
  await mutate(app, 'updateEmailPreferences', { userId: id, ...all });
  return id;
}

export async function choicesOf(app: TestApp, userId: string): Promise<Record<string, boolean>> {
  const [row] = await app.sql<Record<string, boolean>>(
    'SELECT marketing, newsletter, recommendations, loyalty, order_updates AS "orderUpdates" FROM users WHERE id = $1',
    [userId],
  );
  return row as Record<string, boolean>;
}

/** The preferences of a subscriber. */
export const all = Object.fromEntries(topics.map((topic) => [topic, true]));
