import { startTestApp, type TestApp } from '../testkit/app';
import { type Mailbox, openMailbox } from '../testkit/mailbox';
import { storeUsername } from '../testkit/stored-users';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let mailbox: Mailbox;
beforeAll(async () => {
  app = await startTestApp();
  mailbox = await openMailbox(app);
});
afterAll(async () => {
  await mailbox.close();
  await app.stop();
});

const address = () => buildUser().email as string;
const fullWidth = (text: string) => text.replace('@', '\uff20');
const refused = {
  __typename: 'InvalidInputError',
  fields: [
    {
      path: 'username',
      code: 'INVALID_FORMAT',
      message: 'must not contain @ unless it is your e-mail address',
    },
  ],
};

describe('a username with @', () => {
  it('createUser accepts the e-mail address of the user in any spelling', async () => {
    for (const spelled of [(it: string) => it, (it: string) => it.toUpperCase()]) {
      const email = address();
      expect((await createUser(app, { email, username: ` ${spelled(email)} ` })).username).toBe(
        spelled(email),
      );
    }
    const email = address();
    const { user } = await mutate(
      app,
      'createUser',
      buildUser({ email: fullWidth(email), username: fullWidth(email) }),
    );
    expect(user).toMatchObject({ email, username: email });
  });

  it('createUser refuses an address of another user, a free address and any other text with @', async () => {
    const other = await createUser(app);
    for (const username of [
      other.email,
      other.email.toUpperCase(),
      fullWidth(other.email),
      address(),
      '@ada',
      'a\ufe6bb',
    ])
      expect(await mutate(app, 'createUser', buildUser({ username }))).toMatchObject(refused);
  });

  it('updateUser refuses an address of another user and the pending address', async () => {
    const { id, email } = await createUser(app, { username: `own-${Date.now()}` });
    const other = await createUser(app);
    const update = (input: object) => mutate(app, 'updateUser', { userId: id, ...input });
    for (const username of [other.email, fullWidth(other.email), address()])
      expect(await update({ username })).toMatchObject(refused);
    const wanted = address();
    expect(await update({ email: wanted, username: wanted })).toMatchObject(refused);
    await update({ email: wanted });
    expect(await update({ username: wanted })).toMatchObject(refused);

    expect((await update({ username: email.toUpperCase() })).user.username).toBe(email.toUpperCase());
    await mutate(app, 'requestEmailVerification', { userId: id });
    const { token } = await mailbox.last(id);
    const { user } = await mutate(app, 'confirmEmail', { token });
    expect(user).toMatchObject({ email: wanted, username: wanted });
    expect(await update({ username: email })).toMatchObject(refused);
  });

  it('updateUser keeps one from before until it changes', async () => {
    const { id } = await createUser(app);
    const username = address();
    await storeUsername(app, id, username);
    const update = (input: object) => mutate(app, 'updateUser', { userId: id, ...input });
    expect((await update({ firstName: 'Augusta', username: ` ${username} ` })).user).toMatchObject({
      username,
      version: 2,
    });
    expect((await update({ lastName: 'King' })).user).toMatchObject({ username, version: 3 });
    expect(await update({ username: username.toUpperCase() })).toMatchObject(refused);
    expect((await update({ username: `own-${id}` })).user).toMatchObject({
      username: `own-${id}`,
      version: 4,
    });
    expect(await update({ username })).toMatchObject(refused);
  });
});
