import { columnsOf, type EntityColumn } from '../../../src/postgres/entity-columns';
import { parseCachedUser } from '../../../src/users/cached-user';
import { newUser } from '../../../src/users/new-user';
import { User } from '../../../src/users/user.entity';

const columns = columnsOf(User);
const samples: Record<string, unknown> = {
  uuid: '01975a5e-0000-7000-8000-000000000001',
  text: 'Ada “A\u0000” 🙂',
  boolean: true,
  integer: 2_147_483_647,
  timestamptz: new Date('2026-03-01T12:00:00.123Z'),
  jsonb: { street: null, city: 'Berlin', state: null, postalCode: '10115', country: 'DE' },
};
const externalIds = [{ system: 'crm', id: ' A-1 ' }];
const sampleOf = ({ property, type, values }: EntityColumn) =>
  property === 'externalIds' ? externalIds : (values?.at(-1) ?? samples[type]);
const full = Object.fromEntries(columns.map((column) => [column.property, sampleOf(column)]));
const cached = (user: object) => JSON.parse(JSON.stringify(user)) as Record<string, unknown>;

describe('parseCachedUser', () => {
  it('returns every column of the entity as it was written', () => {
    expect(columns.length).toBeGreaterThan(30);
    expect(Object.values(full)).not.toContain(undefined);
    expect(parseCachedUser(cached(full))).toEqual(full);
  });

  it('returns null for every nullable column that was null', () => {
    const sparse = { ...full };
    for (const { property, isNullable } of columns) if (isNullable) sparse[property] = null;
    expect(parseCachedUser(cached(sparse))).toEqual(sparse);
  });

  it('omits a property that is not a column', () => {
    expect(parseCachedUser({ ...cached(full), later: 1 })).toEqual(full);
  });

  it.each(columns.map((column) => [column.property, column] as const))(
    'throws on a wrong value of %s',
    (property, { type, values, isNullable }) => {
      const wrong = [
        '',
        'none',
        0.5,
        '1',
        Number.MAX_SAFE_INTEGER + 1,
        1,
        true,
        'true',
        {},
        [],
        undefined,
        null,
      ];
      const allowed = (value: unknown) =>
        (type === 'text' && !values && typeof value === 'string') ||
        (type === 'integer' && value === 1) ||
        (type === 'boolean' && value === true) ||
        (isNullable && value === null);
      for (const value of wrong.filter((it) => !allowed(it)))
        expect(() => parseCachedUser({ ...cached(full), [property]: value })).toThrow(TypeError);
    },
  );

  it.each([
    ['createdAt', '2026-02-30T12:00:00.000Z'],
    ['createdAt', '2026-03-01'],
    ['createdAt', '2026-03-01T12:00:00.000+01:00'],
    ['address', { street: 5, city: null, state: null, postalCode: null, country: null }],
    ['address', { street: null, city: null, state: null, postalCode: null }],
    ['externalIds', [{ system: 'crm' }]],
    ['externalIds', [{ system: 'crm', id: 'A', more: 1 }]],
    ['externalIds', [{ system: 'crm', id: 1 }]],
    ['externalIds', [null]],
    ['id', '01975A5E-0000-7000-8000-000000000001'],
  ])('throws on %s %j', (property, value) => {
    expect(() => parseCachedUser({ ...cached(full), [property]: value })).toThrow(TypeError);
  });

  it.each([[null], [5], ['user'], [[]]])('throws on %j', (json) => {
    expect(() => parseCachedUser(json)).toThrow(TypeError);
  });
});

it('newUser returns a value for every column', () => {
  const profile = Object.fromEntries(
    Object.entries(full).filter(([name]) => /^(email|username|firstName|lastName)(Normalized)?$/.test(name)),
  );
  const user = newUser(full.id as string, profile as never, 'ACTIVE');
  expect(Object.keys(user).sort()).toEqual(columns.map(({ property }) => property).sort());
  expect(Object.values(user)).not.toContain(undefined);
  expect(parseCachedUser(cached(user))).toEqual(user);
  expect(user).toMatchObject({ orderUpdates: true, marketing: false, emailVerification: 'UNVERIFIED' });
});
