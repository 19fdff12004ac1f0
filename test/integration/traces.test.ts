import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { printTrace } from '../../scripts/trace-diagram';
import { startTestApp, type TestApp } from '../testkit/app';
import { startAuthenticationService } from '../testkit/authentication-service';
import { type CollectedSpan, type Collector, recordTrace, startCollector } from '../testkit/collector';
import { type ForeignService, orderPlaced, signedIn, startForeignService } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import type { ProgrammableServer } from '../testkit/programmable-server';
import { buildUser } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };
const canaries = {
  email: 'canary.address@example.com',
  firstName: 'Canaryfirst',
  lastName: 'Canarylast',
  password: 'canary password 1',
};
const creation = `mutation Register($input: CreateUserInput!) {
  createUser(input: $input) { ... on CreateUserSuccess { user { id email } } }
}`;

let collector: Collector;
let authentication: ProgrammableServer;
let app: TestApp;
let witness: Witness;
let neighbour: ForeignService;
let exemplars: string[];
beforeAll(async () => {
  collector = await startCollector();
  authentication = await startAuthenticationService();
  app = await startTestApp({
    config: {
      otlpEndpoint: collector.url.href,
      otelServiceName: 'users-under-test',
      authenticationServiceUrl: authentication.url.href,
    },
  });
  witness = await startWitness(`${app.amqpPrefix}user.events`);
  neighbour = await startForeignService(app);
  await makeRequests(app);
  const accept = 'application/openmetrics-text';
  exemplars = (await (await fetch(`${app.url}/metrics`, { headers: { accept } })).text())
    .split('\n')
    .filter((line) => line.includes(' # '));
  await app.stop();
});
afterAll(async () => {
  const file = process.env['TRACE_FILE'];
  const title = 'One trace, from a mutation to the fold of an order that its event caused';
  if (file) writeFileSync(file, printTrace(title, recordTrace(collector, caller.traceId)));
  await witness.close();
  await neighbour.close();
  await authentication.close();
  await collector.close();
});

const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const unsampled = '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
let userId: string;
/** Returns the request id of a named request. */
const requestId = (name: string) => Buffer.from(name.padEnd(8)).toString('hex');

/** Makes all requests before the service stops; stopping exports every span. */
async function makeRequests({ graphql, staff: token }: TestApp): Promise<void> {
  userId = randomUUID();
  const headers = (id: string, traceparent?: string) => ({
    token,
    headers: { 'x-request-id': requestId(id), ...(traceparent && { traceparent }) },
  });
  const input = buildUser({ ...canaries, userId });
  await graphql(creation, { input }, headers('create', `00-${caller.traceId}-${caller.spanId}-01`));
  const literals = `{ userByEmail(email: "${canaries.email}") { id firstName } }`;
  await graphql(literals, {}, headers('read'));
  await graphql(`${literals} "${canaries.lastName}`, {}, headers('malformed'));
  await graphql(
    `query Wrong { users(first: 1000, filter: { search: "${canaries.email}" }) { nodes { id } } }`,
    {},
    headers('wrong'),
  );
  await graphql('query Seen_0af7651916cd43dd { me { id } }', {}, headers('id'));
  for (let run = 0; run < 4; run += 1) await graphql('query Repeated { me { id } }', {}, headers('again'));
  await graphql('{ me { id } }', {}, headers('unsampled', unsampled));
  await graphql(
    '{ me { id } }',
    {},
    { token: `${token}canary`, headers: { 'x-request-id': requestId('stranger') } },
  );
  await eventually(() => expect(witness.of(userId)).toHaveLength(1));
  // A neighbour that continues the trace of the event it received.
  const [created] = witness.of(userId);
  const order = orderPlaced(userId);
  await neighbour.publish({ ...order, body: withTrace(order.body, created?.event.traceparent) });
  await eventually(async () =>
    expect((await app.sql('SELECT 1 FROM user_history WHERE type = $1', ['ORDER_PLACED'])).length).toBe(1),
  );
  const messages = [signedIn(userId, '2026-03-01T10:00:00Z'), orderPlaced('no-uuid')];
  await app.sql('ALTER TABLE user_activity RENAME TO hidden_activity');
  await neighbour.publish(...messages);
  await eventually(() =>
    expect(app.logged.map(({ msg }) => msg)).toContain('a batch of deliveries failed and is retried'),
  );
  await app.sql('ALTER TABLE hidden_activity RENAME TO user_activity');
  await eventually(async () => {
    expect(await app.sql('SELECT 1 FROM user_activity')).toHaveLength(1);
    expect(await app.sql('SELECT 1 FROM parked_messages')).toHaveLength(1);
  });
}

function only(name: string, request?: string): CollectedSpan {
  const found = collector
    .spans()
    .filter(
      (span) => span.name === name && (!request || span.attributes['request.id'] === requestId(request)),
    );
  expect(found).toHaveLength(1);
  return found[0] as CollectedSpan;
}

const withTrace = (body: Buffer, traceparent: unknown) =>
  Buffer.from(JSON.stringify({ ...(JSON.parse(body.toString()) as object), traceparent }));

function published(type: string): CollectedSpan | undefined {
  return collector
    .spans()
    .find(
      ({ name, attributes }) =>
        name === 'publish user.events' && attributes['messaging.message.type'] === type,
    );
}

const processed = () => collector.spans().filter(({ name }) => name.startsWith('process '));

const ofRequest = (id: string) =>
  collector.spans().filter(({ attributes }) => attributes['request.id'] === requestId(id));

describe('spans', () => {
  it('link the caller, the request, its operation, the credentials request and the event', () => {
    const request = only('POST /graphql', 'create');
    expect(request).toMatchObject({
      traceId: caller.traceId,
      parentSpanId: caller.spanId,
      kind: kinds.server,
      failed: false,
      service: 'users-under-test',
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/graphql',
        'http.response.status_code': 200,
        'request.id': requestId('create'),
      },
    });
    const operation = only('mutation');
    expect(operation).toMatchObject({
      traceId: caller.traceId,
      parentSpanId: request.spanId,
      kind: kinds.internal,
      attributes: {
        'graphql.operation.type': 'mutation',
        'graphql.operation.name': 'Register',
        outcome: 'success',
        'request.id': requestId('create'),
      },
    });
    const credentials = only('PUT /credentials/{userId}');
    expect(credentials).toMatchObject({
      traceId: caller.traceId,
      parentSpanId: operation.spanId,
      kind: kinds.client,
      attributes: { outcome: 'accepted' },
    });
    expect(authentication.requests.map(({ headers }) => headers['traceparent'])).toEqual([
      `00-${caller.traceId}-${credentials.spanId}-01`,
    ]);
    const [message] = witness.of(userId);
    expect(message?.event.traceparent).toBe(`00-${caller.traceId}-${operation.spanId}-01`);
    expect(published('UserCreated')).toMatchObject({
      traceId: caller.traceId,
      parentSpanId: operation.spanId,
      kind: kinds.producer,
      attributes: {
        outcome: 'routed',
        'messaging.system': 'rabbitmq',
        'messaging.destination.name': 'user.events',
        'messaging.rabbitmq.destination.routing_key': 'user.created',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.message.id': message?.event.id,
      },
    });
  });

  it('have one trace from a mutation over its event and a neighbour to the fold of the order', () => {
    const operation = only('mutation');
    expect(processed().filter(({ traceId }) => traceId === caller.traceId)).toMatchObject([
      {
        traceId: caller.traceId,
        parentSpanId: operation.spanId,
        kind: kinds.consumer,
        attributes: {
          outcome: 'folded',
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'process',
          'messaging.message.type': 'OrderPlaced',
        },
      },
    ]);
    expect(published('UserCreated')?.traceId).toBe(caller.traceId);
  });

  it('have the outcome of each message, and failed for those of a batch that is retried', () => {
    const outcomes = processed()
      .filter(({ traceId }) => traceId !== caller.traceId)
      .map(({ attributes, failed }) => `${String(attributes['outcome'])} ${failed}`);
    expect(outcomes).toContain('failed true');
    expect(outcomes.filter((it) => it !== 'failed true').sort()).toEqual(['folded false', 'parked false']);
  });

  it('are recorded for the SQL statements and Redis commands of an operation, without values', () => {
    const operation = only('mutation');
    const calls = collector
      .spans()
      .filter(({ parentSpanId, kind }) => parentSpanId === operation.spanId && kind === kinds.client);
    const of = (system: string) => calls.filter(({ attributes }) => attributes['db.system.name'] === system);
    expect(of('postgresql').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['INSERT users', 'UPDATE users', 'COMMIT']),
    );
    expect(of('postgresql').every(({ traceId }) => traceId === caller.traceId)).toBe(true);
    expect(of('redis').map(({ name }) => name)).toContain('EVAL');
    expect(of('postgresql').filter(({ name }) => /WITH|VALUES|\$/.test(name))).toEqual([]);
    const resource = collector.requests.map(({ body }) => body).join();
    expect(resource).toContain('"service.version"');
    expect(resource).toContain('"service.instance.id"');
  });

  it('have their trace id in the log lines of their request', () => {
    const line = app.logged.find(
      (it) => it.requestId === requestId('create') && it.msg === 'request completed',
    );
    expect(line).toMatchObject({ trace_id: caller.traceId });
  });

  it('have their trace id in the exemplar of the duration of their operation', () => {
    const [exemplar] = exemplars.filter((line) => line.includes('operation="Register"'));
    expect(exemplar).toMatch(/^user_service_graphql_duration_seconds_bucket/);
    expect(exemplar).toContain(` # {trace_id="${caller.traceId}"} `);
    const read = only('query', 'read');
    expect(exemplars.filter((line) => line.includes(read.traceId))).toHaveLength(1);
    expect(exemplars.filter((line) => line.includes(unsampled.slice(3, 35)))).toEqual([]);
  });

  it('start a new trace for a request without traceparent', () => {
    const request = only('POST /graphql', 'read');
    expect(request.parentSpanId || undefined).toBeUndefined();
    expect(only('query', 'read')).toMatchObject({ traceId: request.traceId, parentSpanId: request.spanId });
  });

  it('report rejected and failed operations, and replace operation names that may contain ids', () => {
    expect(only('GraphQL operation', 'malformed')).toMatchObject({
      failed: false,
      attributes: { outcome: 'refused' },
    });
    expect(only('query', 'wrong')).toMatchObject({
      failed: true,
      attributes: { outcome: 'error', 'graphql.operation.name': 'Wrong' },
    });
    expect(only('query', 'id').attributes).toMatchObject({
      outcome: 'success',
      'graphql.operation.name': 'other',
    });
    expect(ofRequest('stranger').map(({ name, attributes }) => [name, attributes])).toEqual([
      ['POST /graphql', expect.objectContaining({ 'http.response.status_code': 401 })],
    ]);
  });

  it('are recorded for each run of a query, which runs prepared from the third time on', () => {
    const requests = ofRequest('again').filter(({ name }) => name === 'POST /graphql');
    const operations = ofRequest('again').filter(({ name }) => name === 'query');
    expect(operations.map(({ attributes }) => attributes)).toEqual(
      Array(4).fill(expect.objectContaining({ outcome: 'success', 'graphql.operation.name': 'Repeated' })),
    );
    expect(operations.map(({ parentSpanId }) => parentSpanId)).toEqual(requests.map(({ spanId }) => spanId));
  });

  it('are not exported if the caller does not sample', () => {
    expect(ofRequest('unsampled')).toEqual([]);
    expect(collector.spans().filter(({ traceId }) => unsampled.includes(traceId))).toEqual([]);
  });

  it('contain no input of a user and no token', () => {
    const sent = collector.requests.map(({ body }) => body).join('\n');
    expect(sent).toContain('Register');
    for (const value of [...Object.values(canaries), app.staff, 'canary', 'Canary', userId])
      expect(sent).not.toContain(value);
  });
});
