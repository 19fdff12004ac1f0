import { startTestApp, type TestApp } from '../testkit/app';
import { rabbitMqUrl } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { startTcpProxy } from '../testkit/tcp-proxy';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let app: TestApp;
let witness: Witness;
beforeAll(async () => {
  app = await startTestApp();
  witness = await startWitness(`${app.amqpPrefix}user.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
});

describe('published events', () => {
  it('contain each version once, in order, as persistent CloudEvents', async () => {
    const { id, email, createdAt } = await createUser(app);
    await mutate(app, 'updateUser', { userId: id, displayName: 'Countess' });
    await mutate(app, 'deactivateUser', { userId: id, notes: 'asked by phone' });
    await mutate(app, 'reactivateUser', { userId: id });

    await eventually(() => expect(witness.of(id)).toHaveLength(4));
    const events = witness.of(id);
    expect(events.map(({ routingKey }) => routingKey)).toEqual([
      'user.created',
      'user.updated',
      'user.deactivated',
      'user.reactivated',
    ]);
    expect(events.map(({ event }) => event.sequence)).toEqual(
      [1, 2, 3, 4].map((it) => String(it).padStart(20, '0')),
    );
    const [created, updated, deactivated] = events;
    expect(created).toEqual({
      routingKey: 'user.created',
      messageId: created?.event.id,
      contentType: 'application/cloudevents+json',
      persistent: true,
      event: {
        specversion: '1.0',
        id: expect.stringMatching(/^[0-9a-f-]{14}-?7/),
        source: `/user-service/users/${id}`,
        subject: id,
        type: 'UserCreated',
        time: createdAt,
        datacontenttype: 'application/json',
        dataschema: '/schemas/UserCreated/1.0.0.json',
        sequence: '00000000000000000001',
        data: { userId: id, email, createdAt, firstName: 'Ada', lastName: 'Lovelace' },
      },
    });
    expect(updated?.event.data.changedFields).toEqual(['displayName']);
    expect(deactivated?.event.data).toEqual({
      userId: id,
      deactivatedAt: expect.any(String),
      reason: 'ADMINISTRATIVE_ACTION',
      additionalNotes: 'asked by phone',
    });
  });

  it('contain no event of a rejected change', async () => {
    const { id } = await createUser(app);
    const refused = await mutate(app, 'updateUser', { userId: id, firstName: null });
    expect(refused.__typename).toBe('InvalidInputError');
    await mutate(app, 'deactivateUser', { userId: id });
    await eventually(() => expect(witness.of(id)).toHaveLength(2));
    expect(witness.of(id).map(({ event }) => event.type)).toEqual(['UserCreated', 'UserDeactivated']);
  });

  it('are marked as published in the outbox', async () => {
    await createUser(app);
    await eventually(async () => {
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
    });
  });

  it('stay in the outbox for republish, without audit events', async () => {
    const { id } = await createUser(app);
    await app.graphql('query ($id: ID!) { user(id: $id) { email } }', { id }, { token: app.staff });
    await eventually(async () => {
      expect(await app.sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
    });
    const kept = await app.sql('SELECT DISTINCT type FROM outbox_events ORDER BY type');
    expect(kept.map(({ type }) => type)).toEqual([
      'UserCreated',
      'UserDeactivated',
      'UserReactivated',
      'UserUpdated',
    ]);
  });

  it('carry the traceparent of the request that made the change', async () => {
    const { id } = await createUser(app);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await app.graphql(
      'mutation ($input: DeactivateUserInput!) { deactivateUser(input: $input) { __typename } }',
      { input: { userId: id } },
      { token: app.staff, headers: { traceparent } },
    );
    await eventually(() => expect(witness.of(id)).toHaveLength(2));
    expect(witness.of(id)[1]?.event.traceparent).toBe(traceparent);
  });

  it.each(['Email', 'Phone'])('carry the traceparent of request%sVerification', async (what) => {
    const { id } = await createUser(app, { phoneNumber: '+441632960001' });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await app.graphql(
      `mutation ($input: Request${what}VerificationInput!) { request${what}Verification(input: $input) { __typename } }`,
      { input: { userId: id } },
      { token: app.staff, headers: { traceparent } },
    );
    await eventually(() =>
      expect(witness.of(id)[1]?.event).toMatchObject({
        type: `User${what}VerificationRequested`,
        traceparent,
      }),
    );
  });
});

describe('the outbox metrics', () => {
  /** Returns the outbox gauges by the end of their names, such as `pending`. */
  async function gauges(url: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.matchAll(/^user_service_outbox_(\w+) (\S+)$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
  }

  it('report the backlog and its age while RabbitMQ is unavailable', async () => {
    const amqp = await startTcpProxy(rabbitMqUrl());
    const other = await startTestApp({ config: { amqpUrl: amqp.url } });
    await amqp.stop();
    await createUser(other);
    await eventually(async () => {
      const { pending, oldest_seconds } = await gauges(other.url);
      // The user event and its audit event.
      expect(pending).toBeGreaterThanOrEqual(2);
      expect(oldest_seconds).toBeGreaterThan(0.2);
    });
    await amqp.resume();
    await eventually(async () => expect(await gauges(other.url)).toEqual({ pending: 0, oldest_seconds: 0 }));
    await other.stop();
    await amqp.close();
  });
});
