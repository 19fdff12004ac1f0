import { startTestApp, type TestApp } from '../testkit/app';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { textLimits } from '../testkit/user-fields';
import { buildUser, createUser, mutate, tryMutation } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

interface Invalid {
  __typename: string;
  fields?: { path: string; code: string }[];
}

const problems = ({ fields = [] }: Invalid) => fields.map(({ path, code }) => `${path} ${code}`);

/** An emoji is one character and two UTF-16 units. */
const emoji = '\u{1F600}';

function withField(path: string, value: string): Record<string, unknown> {
  const [field, part] = path.split('.') as [string, string | undefined];
  return part === undefined ? { [field]: value } : { [field]: { [part]: value } };
}

const valueAt = (user: Record<string, unknown>, path: string) =>
  path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name], user);

describe('validation', () => {
  it.each(textLimits)(
    'accepts %s of %i to %i code points after trimming, without control characters',
    async (path, minimum, maximum) => {
      const id = (await createUser(app)).id;
      const update = (text: string) => mutate(app, 'updateUser', { userId: id, ...withField(path, text) });
      const unique = `${id.slice(-12)}`;
      const longest = emoji.repeat(maximum - 12) + unique.slice(0, Math.min(12, maximum));
      const { user } = await update(`  ${longest}\u3000\n`);
      expect(valueAt(user, path)).toBe(longest);
      const shortest = [...`${emoji}${unique}`].slice(0, minimum).join('');
      expect((await update(shortest)).__typename).toBe('UpdateUserSuccess');

      expect(problems(await update(emoji.repeat(maximum + 1)))).toEqual([`${path} TOO_LONG`]);
      if (minimum > 1)
        expect(problems(await update(emoji.repeat(minimum - 1)))).toEqual([`${path} TOO_SHORT`]);
      for (const control of ['\u0000', '\u0007', '\n', '\u007f', '\u0085', '\ud800', '\udc00']) {
        expect(problems(await update(`abc${control}def`))).toEqual([`${path} CONTROL_CHARACTERS`]);
      }
    },
  );

  it.each([
    ['email', 'not an address', 'INVALID_FORMAT'],
    ['email', 'two@at@example.com', 'INVALID_FORMAT'],
    ['email', 'nodomain@localhost', 'INVALID_FORMAT'],
    ['email', 'zero\u200bwidth@example.com', 'CONTROL_CHARACTERS'],
    ['email', '\ufdfa@example.com', 'INVALID_FORMAT'],
    ['email', `${'a'.repeat(64)}@${'b.'.repeat(93)}info`, 'TOO_LONG'],
    ['email', ' \n ', 'REQUIRED'],
    ['firstName', '\u00a0', 'REQUIRED'],
    ['lastName', '', 'REQUIRED'],
    ['phoneNumber', '0123456', 'INVALID_FORMAT'],
    ['phoneNumber', '+1', 'INVALID_FORMAT'],
    ['phoneNumber', '+1234567890123456', 'INVALID_FORMAT'],
    ['phoneNumber', '+49 170', 'INVALID_FORMAT'],
    ['phoneNumber', '١٢٣٤٥٦', 'INVALID_FORMAT'],
    ['locale', 'en_GB', 'INVALID_FORMAT'],
    ['locale', 'english!', 'INVALID_FORMAT'],
    ['timeZone', 'Mars/Olympus', 'INVALID_FORMAT'],
    ['timeZone', '+01:00', 'INVALID_FORMAT'],
    ['userId', 'not-a-uuid', 'INVALID_FORMAT'],
    ['userId', '00000000-0000-0000-0000-000000000000', 'INVALID_FORMAT'],
    ['userId', '01975a5e-0000-7000-8000-0000000000\u0000d', 'INVALID_FORMAT'],
    ['password', 'short77', 'TOO_SHORT'],
    ['idempotencyKey', 'k'.repeat(201), 'TOO_LONG'],
    ['idempotencyKey', 'k\u0000', 'CONTROL_CHARACTERS'],
  ])('rejects %s %j as %s', async (field, value, code) => {
    const before = await countRows(app);
    const result = await mutate(app, 'createUser', buildUser({ [field]: value }));
    expect(result.__typename).toBe('InvalidInputError');
    expect(problems(result)[0]).toBe(`${field} ${code}`);
    expect(result.message).toContain(field);
    expect(await countRows(app)).toEqual(before);
  });

  it.each<[field: string, value: unknown, stored?: unknown]>([
    ['email', `${'a'.repeat(64)}@${'b.'.repeat(93)}io`.slice(0, 254)],
    ['email', ' Jörg@bücher.example ', 'Jörg@bücher.example'],
    ['email', "o'hara+tag/x=1@example.com"],
    ['phoneNumber', '12', '+12'],
    ['phoneNumber', ' +123456789012345 ', '+123456789012345'],
    ['locale', 'de-ch-1996', 'de-CH-1996'],
    ['timeZone', 'Asia/Kolkata'],
    ['timeZone', 'europe/berlin', 'Europe/Berlin'],
    ['timeZone', 'asia/kolkata', 'Asia/Kolkata'],
    ['displayName', '   ', null],
    ['phoneNumber', '', null],
    ['address', { street: ' ' }, null],
    [
      'address',
      { city: ' Bern ' },
      { street: null, city: 'Bern', state: null, postalCode: null, country: null },
    ],
  ])('stores %s %j as %j', async (field, value, stored = value) => {
    const user = await createUser(app, { [field]: value });
    expect(user[field]).toEqual(stored);
  });

  it('reports every invalid field in one result, and stores and publishes nothing', async () => {
    const before = await countRows(app);
    const result = await mutate(app, 'createUser', {
      email: 'malformed',
      firstName: ' ',
      lastName: 'x'.repeat(51),
      userId: '1',
      username: 'ab',
      displayName: 'a\u0001b',
      phoneNumber: 'call me',
      address: { street: 's'.repeat(101), postalCode: 'p'.repeat(21) },
      locale: '??',
      timeZone: 'Nowhere',
      password: 'short',
      idempotencyKey: 'k'.repeat(201),
    });
    expect(problems(result).sort()).toEqual([
      'address.postalCode TOO_LONG',
      'address.street TOO_LONG',
      'displayName CONTROL_CHARACTERS',
      'email INVALID_FORMAT',
      'firstName REQUIRED',
      'idempotencyKey TOO_LONG',
      'lastName TOO_LONG',
      'locale INVALID_FORMAT',
      'password TOO_SHORT',
      'phoneNumber INVALID_FORMAT',
      'timeZone INVALID_FORMAT',
      'userId INVALID_FORMAT',
      'username TOO_SHORT',
    ]);
    expect(await countRows(app)).toEqual(before);
  });

  it('rejects a whole change if one field is invalid', async () => {
    const { id } = await createUser(app);
    const wrong = [
      ['updateUser', { firstName: 'Good', lastName: '', idempotencyKey: 'k'.repeat(201) }],
      ['deactivateUser', { notes: 'n'.repeat(501), idempotencyKey: 'k'.repeat(201) }],
      ['reactivateUser', { notes: 'a\u0000b', idempotencyKey: 'k'.repeat(201) }],
      [
        'updateEmailPreferences',
        { marketing: true, source: 's'.repeat(101), idempotencyKey: 'k'.repeat(201) },
      ],
    ] as const;
    const before = await countRows(app);
    for (const [mutation, input] of wrong) {
      const result = await mutate(app, mutation, { userId: id, ...input });
      expect(result.fields.map(({ path }: { path: string }) => path)).toEqual([
        Object.keys(input).at(-2),
        'idempotencyKey',
      ]);
    }
    expect(await countRows(app)).toEqual(before);
    expect((await eventsOf(app, id)).map(({ type }) => type)).toEqual(['UserCreated']);
    expect((await mutate(app, 'deactivateUser', { userId: id, notes: emoji.repeat(500) })).__typename).toBe(
      'DeactivateUserSuccess',
    );
  });

  it.each(['\u0000', '01975a5e-0000-7000-8000-00000000000\u0000', '\ud800', "' OR 1=1 --", ''])(
    'handles the malformed id %j like an unknown one',
    async (id) => {
      const { data, errors } = await app.graphql(
        `query ($id: ID!, $any: [_Any!]!) {
          user(id: $id) { id } userEmailPreferences(userId: $id) { userId } _entities(representations: $any) { ... on User { status } }
        }`,
        { id, any: [{ __typename: 'User', id }] },
        { token: app.staff },
      );
      expect(errors).toEqual([]);
      expect(data).toEqual({ user: null, userEmailPreferences: null, _entities: [{ status: 'UNKNOWN' }] });
      for (const mutation of ['updateUser', 'deactivateUser', 'reactivateUser', 'updateEmailPreferences'])
        for (const idempotencyKey of [null, `${mutation}${JSON.stringify(id)}`])
          expect(await mutate(app, mutation, { userId: id, idempotencyKey })).toMatchObject({
            __typename: 'UserNotFoundError',
          });
      expect(await mutate(app, 'requestEmailVerification', { userId: id })).toMatchObject({
        __typename: 'UserNotFoundError',
      });
    },
  );

  it.each(['\u0000', 'a\u0000@example.com', '\ud800@example.com', '\udfff'])(
    'finds no user by the text %j, and confirms no token',
    async (text) => {
      const { data, errors } = await app.graphql(
        'query ($text: String!) { userByEmail(email: $text) { id } users(filter: { search: $text }) { nodes { id } } }',
        { text },
        { token: app.staff },
      );
      expect(errors).toEqual([]);
      expect(data).toEqual({ userByEmail: null, users: { nodes: [] } });
      const confirmed = await tryMutation(app, 'confirmEmail', { token: text });
      expect(confirmed.data.confirmEmail).toMatchObject({ __typename: 'InvalidTokenError' });
    },
  );

  it('causes no logged error', () => {
    expect(app.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
