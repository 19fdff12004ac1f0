import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventsOf } from '../testkit/stored-rows';
import { storeUsername } from '../testkit/stored-users';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let replica: TestApp;
beforeAll(async () => {
  app = await startTestApp();
  replica = await startTestApp({ replicaOf: app });
});
afterAll(async () => {
  await replica.stop();
  await app.stop();
});

/** Returns a hundred spellings of one address: case, Unicode form, width and surrounding space. */
function spellings(): string[] {
  const fullwidth = (text: string) =>
    text.replace(/[!-~]/g, (it) => String.fromCodePoint((it.codePointAt(0) as number) + 0xfee0));
  const plain = 'jos\u00e9.fi@example.com';
  const spelled = [
    plain,
    ` ${plain}\t`,
    plain.toUpperCase(),
    plain.normalize('NFD'),
    plain.replace('fi', '\ufb01'),
    fullwidth('jos').concat(plain.slice(3)),
    plain.replace('example', fullwidth('EXAMPLE')),
    `\u3000${plain.toUpperCase().normalize('NFD')}\u00a0`,
    plain.replace('@', '\uff20'),
    plain.replace('Jos', 'jOs').replace('.com', '.COM'),
  ];
  return Array.from({ length: 100 }, (_, n) => spelled[n % spelled.length] as string);
}

describe('createUser', () => {
  it('creates one user in a hundred concurrent calls with one address on two replicas', async () => {
    const results = await Promise.all(
      spellings().map((email, n) => mutate(n % 2 ? app : replica, 'createUser', buildUser({ email }))),
    );
    const names = results.map(({ __typename }) => __typename);
    expect(names.filter((name) => name === 'CreateUserSuccess')).toHaveLength(1);
    expect(names.filter((name) => name === 'EmailTakenError')).toHaveLength(99);
    const [row] = await app.sql(
      `SELECT count(*)::int AS n FROM users WHERE email_normalized = 'josé.fi@example.com'`,
    );
    expect(row).toEqual({ n: 1 });
  });

  it('accepts a userId once, in its canonical form', async () => {
    const userId = randomUUID();
    const user = await createUser(app, { userId: ` ${userId.toUpperCase()} ` });
    expect(user.id).toBe(userId);
    expect(await eventsOf(app, userId)).toEqual([
      {
        type: 'UserCreated',
        version: 1,
        data: {
          userId,
          email: user.email,
          createdAt: user.createdAt,
          firstName: 'Ada',
          lastName: 'Lovelace',
        },
      },
    ]);
    expect(await mutate(app, 'createUser', buildUser({ userId }))).toMatchObject({
      __typename: 'UserIdTakenError',
    });
    const results = await Promise.all(
      Array.from({ length: 10 }, () =>
        mutate(app, 'createUser', buildUser({ userId: '99999999-9999-9999-9999-999999999999' })),
      ),
    );
    expect(results.map(({ __typename }): string => __typename).sort()).toEqual([
      'CreateUserSuccess',
      ...Array(9).fill('UserIdTakenError'),
    ]);
  });

  it('keeps usernames unique, also default ones, ignoring case and Unicode form', async () => {
    const first = await createUser(app, { username: 'Ünique.Name' });
    expect(first.username).toBe('Ünique.Name');
    for (const username of ['ÜNIQUE.name', 'u\u0308nique.name', ' ünique.ｎａｍｅ '])
      expect(await mutate(app, 'createUser', buildUser({ username }))).toMatchObject({
        __typename: 'UsernameTakenError',
      });
    const squatted = buildUser();
    await storeUsername(app, first.id, squatted.email as string);
    expect(await mutate(app, 'createUser', squatted)).toMatchObject({ __typename: 'UsernameTakenError' });
    expect((await createUser(app, { ...squatted, username: 'another name' })).username).toBe('another name');
  });

  it('reports a taken id first, then the address, then the username', async () => {
    const taken = await createUser(app, { username: `taken-${randomUUID()}` });
    const again = { userId: taken.id, email: taken.email, username: taken.username };
    const typenameOf = async (input: object) =>
      (await mutate(app, 'createUser', buildUser({ ...input }))).__typename;
    expect(await typenameOf(again)).toBe('UserIdTakenError');
    expect(await typenameOf({ ...again, userId: null })).toBe('EmailTakenError');
    expect(await typenameOf({ username: again.username })).toBe('UsernameTakenError');
  });
});
