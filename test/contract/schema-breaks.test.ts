import type { JsonSchema } from '../../scripts/message-contract';
import { schemaBreaks } from '../../scripts/schema-breaks';

const schema: JsonSchema = {
  type: 'object',
  required: ['id', 'reason'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 10, format: 'uuid' },
    reason: { type: 'string', enum: ['ASKED', 'DECIDED'] },
    amount: {
      anyOf: [
        { type: 'number', minimum: 0 },
        { type: 'string', pattern: '^[0-9]+$' },
      ],
    },
    names: { type: 'array', items: { type: 'string', maxLength: 5 } },
    place: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } },
  },
  allOf: [{ anyOf: [{ required: ['userId'] }, { required: ['customerId'] }] }],
};
const closed: JsonSchema = { ...schema, additionalProperties: false };
const { id, reason, ...others } = schema.properties as Record<'id' | 'reason', JsonSchema>;
const property = (name: string, value: JsonSchema): JsonSchema => ({
  ...schema,
  properties: { ...schema.properties, [name]: value },
});

it('schemaBreaks returns nothing for an unchanged schema', () => {
  for (const action of ['send', 'receive'] as const) {
    expect(schemaBreaks({ action, released: schema, current: structuredClone(schema) }, 'M')).toEqual([]);
    expect(schemaBreaks({ action, released: closed, current: structuredClone(closed) }, 'M')).toEqual([]);
  }
});

describe('schemaBreaks of a received message', () => {
  it.each<[string, JsonSchema, string]>([
    ['removed property', { ...schema, properties: { id, reason } }, 'M.place was removed'],
    ['removed property of a property', property('place', { type: 'object' }), 'M.place.city was removed'],
    [
      'removed value',
      property('reason', { type: 'string', enum: ['ASKED'] }),
      'M.reason: the value "DECIDED" was',
    ],
    ['newly required property', { ...schema, required: ['id', 'reason', 'amount'] }, 'M.amount is required'],
    [
      'newly required property inside',
      property('place', {
        ...others,
        type: 'object',
        required: ['city', 'street'],
        properties: { city: { type: 'string' } },
      }),
      'M.place.street is required',
    ],
    ['narrower type', property('amount', { type: 'number', minimum: 0 }), 'M.amount: was or becomes string'],
    ['changed type', property('id', { type: 'integer' }), 'M.id: was or becomes string, read as integer'],
    [
      'number that becomes an integer',
      property('amount', {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: '^[0-9]+$' },
        ],
      }),
      'M.amount: was or becomes number',
    ],
    ['new enum', property('id', { ...id, enum: ['x'] }), 'M.id: only some values are read now'],
    ['lower maximum', property('id', { ...id, maxLength: 9 }), 'M.id: maxLength 9 refuses'],
    ['higher minimum', property('id', { ...id, minLength: 2 }), 'M.id: minLength 2 refuses'],
    [
      'new limit of an item',
      property('names', { type: 'array', items: { type: 'string', maxLength: 4 } }),
      'M.names[]: maxLength 4',
    ],
    ['new pattern', property('reason', { ...reason, pattern: '^A' }), 'M.reason: pattern "^A" refuses'],
    ['changed format', property('id', { ...id, format: 'email' }), 'M.id: format "email" refuses'],
    ['schema that becomes closed', closed, 'M: only one side is closed'],
    ['removed alternative', { ...schema, allOf: [{ required: ['userId'] }] }, 'M.userId is required'],
  ])('returns a break for a %s', (_what, current, said) => {
    expect(schemaBreaks({ action: 'receive', released: schema, current }, 'M').join('\n')).toContain(said);
  });

  it.each<[string, JsonSchema]>([
    ['new optional property', property('colour', { type: 'string' })],
    ['property no longer required', { ...schema, required: ['id'] }],
    ['new value', property('reason', { type: 'string', enum: ['ASKED', 'DECIDED', 'OLD'] })],
    ['removed enum', property('reason', { type: 'string' })],
    ['wider limit', property('id', { ...id, maxLength: 20, minLength: 0 })],
    ['dropped format', property('id', { type: 'string' })],
    [
      'new alternative',
      {
        ...schema,
        allOf: [
          { anyOf: [{ required: ['userId'] }, { required: ['customerId'] }, { required: ['personId'] }] },
        ],
      },
    ],
    ['changed description', { ...schema, description: 'new', title: 'new' }],
  ])('returns nothing for a %s', (_what, current) => {
    expect(schemaBreaks({ action: 'receive', released: schema, current }, 'M')).toEqual([]);
  });
});

describe('schemaBreaks of a sent message', () => {
  it.each<[string, JsonSchema, JsonSchema, string]>([
    ['removed property', schema, { ...schema, properties: { id, reason } }, 'M.names was removed'],
    [
      'property that may be missing now',
      schema,
      { ...schema, required: ['id'] },
      'M.reason is required by the reader',
    ],
    [
      'removed value',
      schema,
      property('reason', { type: 'string', enum: ['ASKED'] }),
      'M.reason: the value "DECIDED" was removed',
    ],
    [
      'new value',
      schema,
      property('reason', { type: 'string', enum: ['ASKED', 'DECIDED', 'OLD'] }),
      '"OLD" is not expected',
    ],
    [
      'wider type',
      schema,
      property('id', { ...id, type: ['string', 'null'] }),
      'M.id: was or becomes string or null',
    ],
    ['wider limit', schema, property('id', { ...id, maxLength: 11 }), 'M.id: maxLength 10 refuses'],
    [
      'dropped format',
      schema,
      property('id', { type: 'string', minLength: 1, maxLength: 10 }),
      'M.id: format "uuid"',
    ],
    [
      'property added to a closed schema',
      closed,
      { ...property('colour', { type: 'string' }), additionalProperties: false },
      'M.colour is not expected: the schema is closed',
    ],
    ['schema that becomes open', closed, schema, 'M: only one side is closed'],
  ])('returns a break for a %s', (_what, released, current, said) => {
    expect(schemaBreaks({ action: 'send', released, current }, 'M').join('\n')).toContain(said);
  });

  it.each<[string, JsonSchema]>([
    ['new property', property('colour', { type: 'string' })],
    ['newly required property', { ...schema, required: ['id', 'reason', 'amount'] }],
    ['narrower limit', property('id', { ...id, maxLength: 9 })],
  ])('returns nothing for a %s', (_what, current) => {
    expect(schemaBreaks({ action: 'send', released: schema, current }, 'M')).toEqual([]);
  });
});
