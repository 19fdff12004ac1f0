import { join } from 'node:path';
import { type JsonSchema, readMessages } from '../../scripts/message-contract';
import { namesOnlyOrder, toCloudEvent } from '../../src/commerce/commerce-event';
import { readMessage } from '../../src/consumers/read-message';
import { exampleUserId, type InboundExample, inboundExamples } from '../testkit/message-examples';
import { problemsBySchema } from '../testkit/schema-problems';

const messages = readMessages(join(__dirname, '../../contract'));
const examples = inboundExamples();
const structured = examples.filter(({ properties }) => properties.contentType?.includes('cloudevents'));

/** The type of the event that is read from messages of a type. */
function meaningOf(type: string): string {
  return type === 'OrderCanceled' ? 'OrderCancelled' : type;
}

/** True for messages that are no events of the history. */
const isSignIn = ({ exchange }: InboundExample) => exchange === 'authentication.events';

function read(example: InboundExample, body: Buffer = example.body) {
  const { exchange, routingKey, properties } = example;
  const { contentType, messageId, type, headers = {} } = properties;
  return readMessage(
    { exchange, routingKey, body, properties: { contentType, messageId, type, headers } },
    1,
  );
}

it.each(examples.map((it) => [it.name, it] as const))(
  'readMessage reads the example %s',
  (_name, example) => {
    const { source, eventId } = example;
    if (isSignIn(example)) {
      expect(read(example)).toEqual({ signIn: { userId: exampleUserId, at: expect.any(Date) } });
      return;
    }
    const type = meaningOf(example.type);
    const result = read(example);
    const user = 'event' in result && namesOnlyOrder(result.event) ? {} : { userId: exampleUserId };
    expect(result).toEqual({ event: expect.objectContaining({ type, source, eventId, ...user }) });
  },
);

it('readMessage returns the same event for every form of a message', () => {
  for (const { type } of structured) {
    const forms = examples.filter((it) => it.type === type).map((it) => read(it));
    const events = forms.map((it) => ('event' in it ? { ...it.event, source: '', eventId: '' } : it));
    expect(new Set(events.map((it) => JSON.stringify(it))).size).toBe(2);
  }
});

/** Values to put in place of any other. */
const odd: unknown[] = [
  undefined,
  null,
  true,
  '',
  ' ',
  'x',
  'x'.repeat(250),
  'x'.repeat(255),
  'x'.repeat(256),
  '😀'.repeat(250),
  `${'9'.repeat(25)}.9999`,
  'x'.repeat(5_000),
  '0',
  '-1',
  '1.2345',
  '1.23456',
  '1e3',
  'EUR',
  'eur',
  0,
  -1,
  1,
  1.5,
  99_999_999_999.5,
  1e11,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER + 1,
  1e300,
  '2026-03-01T10:00:00Z',
  '2026-03-01T10:00:00.123456+02:00',
  '2026-03-01',
  '2026-02-30T10:00:00Z',
  exampleUserId.toUpperCase(),
  [],
  [1],
  {},
  { value: 1 },
  { value: '2.50', currency: 'USD' },
  { value: 1, currency: null },
];

it.each(structured.map((it) => [it.name, it] as const))(
  'readMessage reads every value that the schema of %s allows',
  (_name, example) => {
    const { payload } = messages.get(example.type) ?? { payload: {} as JsonSchema };
    const event = JSON.parse(example.body.toString());
    let allowed = 0;
    for (const holder of ['data', 'total', 'amount', undefined]) {
      const known = holder === undefined ? event : holder === 'data' ? event.data : event.data[holder];
      for (const name of Object.keys(known ?? {})) {
        for (const value of odd) {
          const changed = structuredClone(event);
          (holder === undefined ? changed : holder === 'data' ? changed.data : changed.data[holder])[name] =
            value;
          const wire = JSON.parse(JSON.stringify(changed));
          if (problemsBySchema(payload, wire).length > 0) continue;
          allowed += 1;
          expect({ name, value, ...read(example, Buffer.from(JSON.stringify(wire))) }).not.toHaveProperty(
            'park',
          );
        }
      }
    }
    expect(allowed).toBeGreaterThan(20);
  },
);

it('toCloudEvent writes messages that match the AsyncAPI document', () => {
  for (const example of examples.filter((it) => !isSignIn(it))) {
    const result = read(example);
    if (!('event' in result)) throw new Error(`${example.name} was not read`);
    const { exchange, routingKey, contentType, body } = toCloudEvent(result.event);
    const message = messages.get(meaningOf(example.type));
    expect({ exchange, routingKey, contentType }).toEqual({
      exchange: message?.exchange,
      routingKey: message?.routingKey,
      contentType: message?.contentType,
    });
    expect(problemsBySchema(message?.payload as JsonSchema, JSON.parse(body.toString()))).toEqual([]);
  }
});
