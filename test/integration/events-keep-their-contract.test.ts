import { join } from 'node:path';
import { type JsonSchema, readMessages, readSchemas } from '../../scripts/message-contract';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { warnInactiveUser } from '../testkit/retention';
import { problemsBySchema } from '../testkit/schema-problems';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const contract = join(__dirname, '../../contract');
const messages = readMessages(contract);

let app: TestApp;
let witness: Witness;
let auditor: Witness;
beforeAll(async () => {
  app = await startTestApp();
  witness = await startWitness(`${app.amqpPrefix}user.events`);
  auditor = await startWitness(`${app.amqpPrefix}audit.events`);
});
afterAll(async () => {
  await Promise.all([witness.close(), auditor.close()]);
  await app.stop();
});

/** Makes every change of a user that publishes an event, and returns the user's id. */
async function causeEveryEvent(): Promise<string> {
  const { id: userId } = await createUser(app, { email: `Zoë.${Date.now()}@müller.example`, lastName: '李' });
  await mutate(app, 'updateUser', { userId, displayName: 'Z', email: `zoe.${Date.now()}@example.com` });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: false });
  await mutate(app, 'requestEmailVerification', { userId });
  const requested = await eventually(() => {
    const found = witness.of(userId).find(({ event }) => event.type === 'UserEmailVerificationRequested');
    expect(found).toBeDefined();
    return found?.event.data;
  });
  await mutate(app, 'confirmEmail', { token: requested.token }, null);
  await mutate(app, 'updateUser', { userId, phoneNumber: '+442071234567' });
  await mutate(app, 'requestPhoneVerification', { userId });
  const { code } = await eventually(() => {
    const found = witness.of(userId).find(({ event }) => event.type === 'UserPhoneVerificationRequested');
    expect(found).toBeDefined();
    return found?.event.data;
  });
  await mutate(app, 'confirmPhone', { userId, code });
  await mutate(app, 'deactivateUser', { userId, reason: 'INACTIVITY', notes: 'x'.repeat(500) });
  await mutate(app, 'reactivateUser', { userId });
  await mutate(app, 'deactivateUser', { userId });
  // Erasure deletes events that are not published yet.
  await eventually(() => expect(witness.of(userId)).toHaveLength(12));
  const { errors } = await app.graphql(
    'mutation ($input: EraseUserInput!) { eraseUser(input: $input) { __typename } }',
    { input: { userId } },
    { token: await app.token({ sub: 'privacy', scope: 'users:privacy' }) },
  );
  expect(errors).toEqual([]);
  return userId;
}

/** Makes the events that announce the end of an account, and returns the user's id. */
async function causeAnnouncements(): Promise<string> {
  const { id: userId } = await createUser(app);
  const officer = await app.token({ sub: 'privacy', scope: 'users:privacy' });
  // Before anything else: an own change is an activity.
  await warnInactiveUser(app, userId);
  await mutate(app, 'eraseUser', { userId, graceDays: 5 }, officer);
  await mutate(app, 'cancelErasure', { userId }, officer);
  return userId;
}

it('each published event matches the AsyncAPI document and its schema', async () => {
  const userId = await causeEveryEvent();
  await eventually(() => expect(witness.of(userId)).toHaveLength(13));
  const leaving = await causeAnnouncements();
  // Created, warned, scheduled with a deactivation, cancelled with a reactivation.
  await eventually(() => expect(witness.of(leaving)).toHaveLength(6));
  await eventually(() => {
    const types = new Set(auditor.of(userId).map(({ event }) => event.type));
    expect(types).toEqual(new Set(['UserDataAccessed', 'UserDataChanged']));
  });

  // A replica seals the audit trail when it starts.
  const replica = await startTestApp({ replicaOf: app });
  const sealed = await eventually(
    () => {
      const found = auditor.events.filter(({ event }) => event.type === 'AuditSealed');
      expect(found).not.toEqual([]);
      return found;
    },
    { timeoutMs: 15_000 },
  );
  await replica.stop();
  const published = [...witness.of(userId), ...witness.of(leaving), ...auditor.of(userId), ...sealed];
  for (const { event, routingKey, contentType, messageId } of published) {
    const message = messages.get(event.type);
    expect({ routingKey, contentType, messageId }).toEqual({
      routingKey: message?.routingKey,
      contentType: message?.contentType,
      messageId: event.id,
    });
    expect(problemsBySchema(message?.payload as JsonSchema, event)).toEqual([]);
    const served = await fetch(new URL(event.dataschema, app.url));
    expect(problemsBySchema((await served.json()) as JsonSchema, event.data)).toEqual([]);
  }
  const types = new Set(published.map(({ event }) => event.type));
  const sent = [...messages.values()].filter(({ action }) => action === 'send').map(({ type }) => type);
  expect(types).toEqual(new Set(sent));
});

it('GET /schemas returns the committed schema of every message, and 404 for other paths', async () => {
  for (const [path, schema] of readSchemas(contract)) {
    const response = await fetch(new URL(path, app.url));
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('application/schema+json'),
    ]);
    expect(await response.json()).toEqual(schema);
  }
  for (const path of ['UserCreated/2.0.0.json', 'UserCreated', '..%2fasyncapi.yaml', '../package.json'])
    expect((await fetch(`${app.url}/schemas/${path}`)).status).toBe(404);
});
