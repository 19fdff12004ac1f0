import { randomBytes, randomInt } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { send } from './app';
import { orderPlaced, paymentFailed, pointsEarned } from './commerce-events';
import type { KillableService } from './killable-service';
import { withHeader } from './message-variants';
import { freeTexts } from './user-fields';

const historyLength = 10_000;

/** A user whose texts can be searched for after the erasure. */
export interface Canary {
  userId: string;
  orderId: string;
  texts: string[];
}

/** Calls a mutation with the canary in its headers, and returns the member of the result union. */
export async function callMutation(
  service: KillableService,
  at: number,
  mutation: string,
  { input, token, text = 'none' }: { input: object; token: string; text?: string },
): Promise<any> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { __typename } }`;
  const headers = {
    'x-canary': text,
    'user-agent': text,
    cookie: `canary=${text}`,
    referer: `http://${text}/`,
  };
  const { data } = await send(service.urlOf(at), { query, variables: { input } }, { token, headers });
  return data?.[mutation];
}

/** Creates a user with a unique text in every free-text field, in records about the user and in rejected requests. */
export async function createCanary(service: KillableService): Promise<Canary> {
  const call = (at: number, mutation: string, input: object, token: string, text: string) =>
    callMutation(service, at, mutation, { input, token, text });
  const text = `kanari${randomBytes(5).toString('hex')}`;
  const phoneNumber = `+49${randomInt(10 ** 9, 10 ** 10)}`;
  const userId = uuidv7();
  const orderId = uuidv7();
  const profile = {
    ...Object.fromEntries(freeTexts.map((name) => [name, text])),
    phoneNumber,
    externalIds: [{ system: 'crm', id: text }],
    address: { street: text, city: text, state: text, postalCode: text, country: text },
  };
  const own = { email: `${text}@example.com`, idempotencyKey: text, ...profile };
  expect(await call(0, 'createUser', { userId, ...own }, service.staff, text)).toEqual({
    __typename: 'CreateUserSuccess',
  });
  await call(0, 'updateUser', { userId, email: `${text}-new@example.com` }, service.staff, text);
  const decision = { newsletter: true, source: text, wordingVersion: text };
  await call(1, 'updateEmailPreferences', { userId, ...decision }, service.staff, text);
  await call(1, 'requestEmailVerification', { userId }, service.staff, text);
  await call(0, 'requestPhoneVerification', { userId }, service.staff, text);
  await call(1, 'deactivateUser', { userId, notes: text }, service.staff, text);
  await call(0, 'reactivateUser', { userId, notes: text }, service.staff, text);
  await call(0, 'placeLegalHold', { userId, reason: text }, service.officer, text);
  await call(0, 'releaseLegalHold', { userId, reason: text }, service.officer, text);
  // Rejected requests: validation, schema, token, authentication, query and JSON.
  await call(
    0,
    'createUser',
    { ...own, idempotencyKey: null, firstName: text.repeat(20) },
    service.staff,
    text,
  );
  await call(
    0,
    'updateUser',
    { userId, locale: text, timeZone: text, unknownField: text },
    service.staff,
    text,
  );
  await call(0, 'confirmEmail', { token: text }, service.staff, text);
  await call(0, 'updateUser', { userId }, text, text);
  await send(service.urlOf(0), { query: `{ user(id: "${text}") { ${text} } }` }, { token: service.staff });
  await send(service.urlOf(0), `{ "query": "${text}`, { token: service.staff });
  await service.publish(
    orderPlaced(userId, { orderId, note: text }),
    pointsEarned(userId, { reason: text }),
    paymentFailed(orderId, { errorMessage: text, errorCode: text }),
    // Invalid points and an unexpected header: parked.
    withHeader(pointsEarned(userId, { points: -1, reason: text }), text),
  );
  await service.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text || n, $2, '{}'
     FROM generate_series(1, $3::int) AS n`,
    [userId, text, historyLength],
  );
  return { userId, orderId, texts: [text, phoneNumber] };
}
