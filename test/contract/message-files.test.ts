import { join } from 'node:path';
import { type JsonSchema, readMessages, readSchemas } from '../../scripts/message-contract';
import { routingKeys } from '../../src/outbox/cloud-event';
import { erasuresStream, historyQueue, topologyOf } from '../../src/rabbitmq/topology';
import { problemsBySchema } from '../testkit/schema-problems';

const contract = join(__dirname, '../../contract');
const schemas = readSchemas(contract);
const messages = readMessages(contract);
/** Declared so that consumers can bind; the document has no message for it yet. */
const unused = ['audit.events'];
const sent = [...messages.values()].filter(({ action }) => action === 'send');
const received = [...messages.values()].filter(({ action }) => action === 'receive');

/** Every schema inside a schema, with its path. */
function parts(schema: JsonSchema, at = ''): [string, JsonSchema][] {
  const { properties = {}, items, allOf = [], anyOf = [] } = schema;
  return [
    [at, schema],
    ...Object.entries(properties).flatMap(([name, it]) => parts(it, `${at}.${name}`)),
    ...(items ? parts(items, `${at}[]`) : []),
    ...[...allOf, ...anyOf].flatMap((it, index) => parts(it, `${at}(${index})`)),
  ];
}

describe.each([...schemas])('%s', (path, schema) => {
  it('has the path it is served at as its $id and describes every part', () => {
    expect(schema.$id).toBe(path);
    expect(path).toMatch(new RegExp(`^/schemas/${String(schema['title'])}/\\d+\\.\\d+\\.\\d+\\.json$`));
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    const undescribed = parts(schema).filter(([, part]) => !part['description']);
    expect(undescribed.map(([at]) => at)).toEqual([]);
  });

  it('accepts its examples, which equal those of the AsyncAPI document', () => {
    const examples = schema.examples ?? [];
    for (const example of examples) expect(problemsBySchema(schema, example)).toEqual([]);
    const documented = [...messages.values()]
      .filter(({ type }) => type === schema['title'])
      .map((message) =>
        message.examples.map(({ payload }) =>
          message.contentType === 'application/cloudevents+json' ? payload['data'] : payload,
        ),
      );
    expect(documented.length).toBeGreaterThan(0);
    for (const data of documented) expect(data).toEqual(examples);
  });
});

describe('the AsyncAPI document', () => {
  it.each([...messages])('has valid examples of %s', (_name, { headers, payload, examples }) => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(problemsBySchema(payload, example.payload)).toEqual([]);
      expect(problemsBySchema(headers, example.headers ?? {})).toEqual([]);
    }
  });

  it('names the exchange, routing keys and types of the outbox', () => {
    expect(Object.fromEntries(sent.map(({ type, routingKey }) => [type, routingKey]))).toEqual(routingKeys);
    for (const { exchange, routingKey } of sent) expect(exchange).toBe(`${routingKey.split('.')[0]}.events`);
  });

  it('names the exchanges and routing keys that the queue is bound to', () => {
    const { exchanges, bindings: all } = topologyOf();
    const bindings = all.filter(({ queue }) => queue !== erasuresStream);
    expect(new Set(received.map(({ exchange, routingKey }) => `${exchange} ${routingKey}`))).toEqual(
      new Set(bindings.map(({ exchange, routingKey }) => `${exchange} ${routingKey}`)),
    );
    expect(new Set(bindings.map(({ queue }) => queue))).toEqual(new Set([historyQueue]));
    const named = [...messages.values()].map(({ exchange }) => exchange);
    expect(new Set([...named, ...unused])).toEqual(new Set(exchanges));
  });

  it('has a structured, a binary and a bare form of every inbound event', () => {
    for (const type of new Set(received.map((message) => message.type))) {
      expect([...messages.keys()].filter((name) => name.startsWith(type))).toEqual([
        type,
        `${type}Binary`,
        `${type}Bare`,
      ]);
    }
  });
});

describe('the schema', () => {
  const schemaOf = (type: string) => schemas.get(`/schemas/${type}/1.0.0.json`) as JsonSchema;
  const example = (type: string) => schemaOf(type).examples?.[0] as Record<string, unknown>;
  const without = (name: string, { [name]: _left, ...rest }: Record<string, unknown>) => rest;

  it.each(['UserCreated', 'UserDeactivated'])('of %s rejects additional properties', (type) => {
    const data = { ...example(type), phoneNumber: '+441632960001' };
    expect(problemsBySchema(schemaOf(type), data)).toEqual(['/ must NOT have additional properties']);
  });

  it.each([
    ['UserCreated', { firstName: '' }, '/firstName must NOT have fewer than 1 characters'],
    ['UserCreated', { lastName: 'x'.repeat(51) }, '/lastName must NOT have more than 50 characters'],
    ['UserCreated', { email: 'ada' }, '/email must match format "idn-email"'],
    ['UserCreated', { createdAt: '2026-03-01' }, '/createdAt must match format "date-time"'],
    ['UserDeactivated', { reason: 'BORED' }, '/reason must be equal to one of the allowed values'],
    [
      'UserDeactivated',
      { additionalNotes: 'x'.repeat(501) },
      '/additionalNotes must NOT have more than 500 characters',
    ],
    ['LoyaltyPointsEarned', { points: 0 }, '/points must be >= 1'],
    ['LoyaltyPointsEarned', { points: 1.5 }, '/points must be integer'],
    [
      'PaymentFailed',
      { amount: { value: '1', currency: 'euro' } },
      '/amount/currency must match pattern "^[A-Z]{3}$"',
    ],
  ])('of %s rejects %j', (type, change, problem) => {
    expect(problemsBySchema(schemaOf(type), { ...example(type), ...change })).toEqual([problem]);
  });

  it.each([
    ['OrderPlaced', 'userId'],
    ['OrderPlaced', 'total'],
    ['OrderPlaced', 'orderId'],
    ['PaymentFailed', 'orderId'],
    ['OrderCancelled', 'orderId'],
    ['OrderCanceled', 'orderId'],
    ['LoyaltyPointsEarned', 'userId'],
    ['UserAuthenticated', 'userId'],
    ['CustomerAuthenticated', 'customerId'],
    ['LoyaltyPointsEarned', 'points'],
  ])('of %s rejects data without %s and its alternative', (type, name) => {
    expect(problemsBySchema(schemaOf(type), without(name, example(type)))).not.toEqual([]);
  });
});

describe('the page of the service in the catalog of the company', () => {
  const schemaOf = (type: string) => schemas.get(`/schemas/${type}/1.0.0.json`) as JsonSchema;
  const [userId, time] = ['01975a5e-1111-7000-8000-0000000000ad', '2026-03-04T16:00:00.000Z'];

  // With either EVENT_PROFILE: the profiles differ in what is published, not in its schema.
  it.each([
    [
      'UserCreated',
      { userId: 'uuid', email: 'idn-email', createdAt: 'date-time', firstName: 'string', lastName: 'string' },
    ],
    [
      'UserDeactivated',
      { userId: 'uuid', deactivatedAt: 'date-time', reason: 'string', 'additionalNotes?': 'string' },
    ],
  ])('has exactly these fields of %s, with ? for optional ones', (type, fields) => {
    const { properties = {}, required = [], additionalProperties } = schemaOf(type);
    const ours = Object.entries(properties).map(([name, field]) => [
      required.includes(name) ? name : `${name}?`,
      field['format'] ?? field.type,
    ]);
    expect({ additionalProperties, fields: Object.fromEntries(ours) }).toEqual({
      additionalProperties: false,
      fields,
    });
  });

  it('has these reasons of UserDeactivated', () => {
    expect(schemaOf('UserDeactivated').properties?.['reason']?.enum).toEqual([
      'USER_REQUESTED',
      'ADMINISTRATIVE_ACTION',
      'SECURITY_VIOLATION',
      'INACTIVITY',
    ]);
  });

  it.each([
    ['OrderPlaced', { orderId: '1', userId, total: { value: 20.5, currency: 'EUR' }, placedAt: time }],
    [
      'OrderPlaced',
      { orderId: '1', customerId: userId, totalAmount: '20.5', currency: 'EUR', createdAt: time },
    ],
    [
      'PaymentFailed',
      { paymentId: '1', orderId: '1', errorCode: 'X', errorMessage: 'Declined', timestamp: time },
    ],
    ['LoyaltyPointsEarned', { userId, points: 5, earnedAt: time }],
    ['LoyaltyPointsEarned', { customerId: userId, points: 5, earnedAt: time, orderId: '1', reason: 'order' }],
  ])('has %s in a form that our schema accepts: %j', (type, data) => {
    expect(problemsBySchema(schemaOf(type), data)).toEqual([]);
  });
});
