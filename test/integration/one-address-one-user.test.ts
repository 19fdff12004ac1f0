import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventsOf } from '../testkit/stored-rows';
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

/** The same address, as a hundred people might write it. */
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

describe('creating users', () => {
  it('makes one user of a hundred simultaneous creations of one address on two replicas', async () => {
    const answers = await Promise.all(
      spellings().map((email, n) => mutate(n % 2 ? app : replica, 'createUser', buildUser({ email }))),
    );
    const names = answers.map(({ __typename }) => __typename);
    expect(names.filter((name) => name === 'CreateUserSuccess')).toHaveLength(1);
    expect(names.filter((name) => name === 'EmailTakenError')).toHaveLength(99);
    const [row] = await app.sql(
      `SELECT count(*)::int AS n FROM users WHERE email_normalized = 'josé.fi@example.com'`,
    );
    expect(row).toEqual({ n: 1 });
  });

  it('takes an id that is brought along, in its canonical form, and only once', async () => {
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
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        mutate(app, 'createUser', buildUser({ userId: '00000000-0000-0000-0000-000000000000' })),
      ),
    );
    expect(answers.map(({ __typename }): string => __typename).sort()).toEqual([
      'CreateUserSuccess',
      ...Array(9).fill('UserIdTakenError'),
    ]);
  });

  it('keeps usernames unique without regard to case and Unicode form, also against a default one', async () => {
    const first = await createUser(app, { username: 'Ünique.Name' });
    expect(first.username).toBe('Ünique.Name');
    for (const username of ['ÜNIQUE.name', 'u\u0308nique.name', ' ünique.ｎａｍｅ '])
      expect(await mutate(app, 'createUser', buildUser({ username }))).toMatchObject({
        __typename: 'UsernameTakenError',
      });
    const { email } = await createUser(app);
    expect(await mutate(app, 'createUser', buildUser({ username: email.toUpperCase() }))).toMatchObject({
      __typename: 'UsernameTakenError',
    });
    const squatted = buildUser();
    await createUser(app, { username: squatted.email });
    expect(await mutate(app, 'createUser', squatted)).toMatchObject({ __typename: 'UsernameTakenError' });
    expect((await createUser(app, { ...squatted, username: 'another name' })).username).toBe('another name');
  });

  it('tells of the id first, then of the address, then of the username', async () => {
    const taken = await createUser(app);
    const again = { userId: taken.id, email: taken.email, username: taken.username };
    const answer = async (input: object) =>
      (await mutate(app, 'createUser', buildUser({ ...input }))).__typename;
    expect(await answer(again)).toBe('UserIdTakenError');
    expect(await answer({ ...again, userId: null })).toBe('EmailTakenError');
    expect(await answer({ username: again.username })).toBe('UsernameTakenError');
  });
});
