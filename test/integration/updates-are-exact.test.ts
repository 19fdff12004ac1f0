import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { storeUsername } from '../testkit/stored-users';
import { clearableFields, exampleProfile, requiredFields } from '../testkit/user-fields';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const full = exampleProfile as Record<string, unknown> & { address: Record<string, unknown> };

const update = (id: string, input: object) => mutate(app, 'updateUser', { userId: id, ...input });

describe('updateUser', () => {
  it('keeps absent fields, clears null and blank ones, and replaces the whole address', async () => {
    const created = await createUser(app, full);
    expect(created).toMatchObject(full);
    const { id } = created;
    const first = (await update(id, { lastName: 'King', address: { city: 'Ockham' } })).user;
    expect(first).toEqual({
      ...created,
      lastName: 'King',
      address: { street: null, city: 'Ockham', state: null, postalCode: null, country: null },
      version: 2,
      updatedAt: first.updatedAt,
    });
    expect(first.updatedAt > created.updatedAt).toBe(true);
    const nothing = Object.fromEntries(clearableFields.map((field) => [field, null]));
    const blanks = Object.fromEntries(
      clearableFields.map((field, at) => [
        field,
        field === 'address' || at % 3 === 0 ? null : ' '.repeat(at % 3),
      ]),
    );
    expect((await update(id, blanks)).user).toMatchObject({ ...nothing, version: 3 });
    expect((await update(id, { address: { street: ' ', city: null } })).user.version).toBe(3);
  });

  it.each(requiredFields)('never clears %s', async (field) => {
    const created = await createUser(app);
    for (const value of [null, '', ' \t '])
      expect(await update(created.id, { displayName: 'new', [field]: value })).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: field, code: 'REQUIRED' }],
      });
    expect((await update(created.id, {})).user).toEqual(created);
  });

  it('publishes the names of the changed fields without their values', async () => {
    const { id } = await createUser(app, full);
    const change = {
      firstName: 'Augusta',
      lastName: 'Lovelace',
      username: `countess-${id}`,
      phoneNumber: '+441632960002',
      address: { ...full.address, city: 'Westminster' },
      email: `augusta.${id}@example.com`,
    };
    const { user } = await update(id, change);
    const [, event] = await eventsOf(app, id);
    expect(event).toEqual({
      type: 'UserUpdated',
      version: 2,
      data: {
        userId: id,
        updatedAt: user.updatedAt,
        changedFields: ['address', 'firstName', 'pendingEmail', 'phoneNumber', 'username'],
      },
    });
    const { data } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { history(first: 1) { nodes { type summary data } } } }',
      { id },
      { token: app.staff },
    );
    const [entry] = data.user.history.nodes;
    expect(entry).toMatchObject({ type: 'USER_UPDATED', data: { changedFields: event?.data.changedFields } });
    const published = JSON.stringify([event, entry]);
    for (const value of ['Augusta', 'countess', '960002', 'Westminster', 'augusta'])
      expect(published).not.toContain(value);
  });

  it('has a time after that of the last change, also if that was ahead of the clock', async () => {
    const { id } = await createUser(app);
    const ahead = new Date(Date.now() + 60_000);
    await app.sql('UPDATE users SET updated_at = $2, revision = revision + 1 WHERE id = $1', [id, ahead]);
    for (const [displayName, after] of [
      ['one', 1],
      ['two', 2],
    ] as const)
      expect((await update(id, { displayName })).user.updatedAt).toBe(
        new Date(ahead.getTime() + after).toISOString(),
      );
  });

  it('keeps version, history and outbox if no field changes, also for its own address in upper case', async () => {
    const created = await createUser(app, full);
    const before = await countRows(app);
    const { email, username, firstName, lastName } = created;
    const same = {
      ...full,
      email: ` ${email.toUpperCase()} `,
      username,
      firstName: ` ${firstName} `,
      lastName,
    };
    expect((await update(created.id, same)).user).toEqual(created);
    expect((await update(created.id, { expectedVersion: 1 })).user).toEqual(created);
    expect(await countRows(app)).toEqual(before);
  });

  it('checks expectedVersion first, also if no field changes', async () => {
    const { id } = await createUser(app, full);
    const other = await createUser(app);
    const conflict = { __typename: 'VersionConflictError', currentVersion: 1, message: expect.any(String) };
    expect(await update(id, { expectedVersion: 2 })).toEqual(conflict);
    expect(await update(id, { expectedVersion: 0, firstName: '' })).toEqual(conflict);
    expect(await update(id, { expectedVersion: 7, email: other.email })).toEqual(conflict);
    for (const mutation of ['deactivateUser', 'reactivateUser'])
      expect(await mutate(app, mutation, { userId: id, expectedVersion: 3, notes: 'n'.repeat(501) })).toEqual(
        conflict,
      );
    await mutate(app, 'deactivateUser', { userId: id, expectedVersion: 1 });
    expect(await update(id, { expectedVersion: 1 })).toEqual({ ...conflict, currentVersion: 2 });
    expect(await mutate(app, 'deactivateUser', { userId: id, expectedVersion: 1 })).toEqual({
      ...conflict,
      currentVersion: 2,
    });
  });

  it('loses no update of fifty concurrent writers with expectedVersion', async () => {
    const { id } = await createUser(app);
    const read = async () => {
      const query = 'query ($id: ID!) { user(id: $id) { version address { street } } }';
      return (await app.graphql(query, { id }, { token: app.staff })).data.user;
    };
    const write = async (street: string, expectedVersion: number) => {
      const query = 'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { __typename } }';
      const input = { userId: id, address: { street }, expectedVersion };
      const { data, errors } = await app.graphql(query, { input }, { token: app.staff });
      expect(errors).toEqual([]);
      return data.updateUser.__typename;
    };
    const letters = Array.from({ length: 50 }, (_, n) => String.fromCodePoint(0x4e00 + n));
    const { version: seenByAll } = await read();
    const results = await Promise.all(letters.map((letter) => write(letter, seenByAll)));
    // Four writers in parallel retry; all 49 in parallel would make over a thousand attempts.
    const late = letters.filter((_, index) => results[index] === 'VersionConflictError');
    expect([results.includes('UpdateUserSuccess'), late.length]).toEqual([true, 49]);
    const retry = async () => {
      for (let letter = late.pop(); letter; letter = late.pop()) {
        for (let result = ''; result !== 'UpdateUserSuccess'; ) {
          const { version, address } = await read();
          result = await write(`${address.street}${letter}`, version);
          expect(result).toMatch(/^(UpdateUserSuccess|VersionConflictError)$/);
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, retry));
    const { version, address } = await read();
    expect(version).toBe(51);
    expect([...(address.street as string)].sort()).toEqual(letters);
    expect((await eventsOf(app, id)).map((event) => event.version)).toEqual(
      Array.from({ length: 51 }, (_, n) => n + 1),
    );
  });

  it('rejects a taken username or address, and users who are inactive or unknown', async () => {
    const { id } = await createUser(app);
    const other = await createUser(app, { username: `other-${id}` });
    expect(await update(id, { username: other.username.toUpperCase() })).toMatchObject({
      __typename: 'UsernameTakenError',
    });
    expect(await update(id, { email: other.email.toUpperCase() })).toMatchObject({
      __typename: 'EmailTakenError',
    });
    expect((await update(id, { username: `mine-${id}`, expectedVersion: 1 })).user.version).toBe(2);
    await mutate(app, 'deactivateUser', { userId: id });
    const before = await countRows(app);
    expect(await update(id, { firstName: 'New' })).toMatchObject({ __typename: 'UserNotActiveError' });
    expect(await mutate(app, 'updateEmailPreferences', { userId: id, marketing: true })).toMatchObject({
      __typename: 'UserNotActiveError',
    });
    expect(await mutate(app, 'requestEmailVerification', { userId: id })).toMatchObject({
      __typename: 'UserNotActiveError',
    });
    expect(await update(randomUUID(), buildUser())).toMatchObject({ __typename: 'UserNotFoundError' });
    expect(await countRows(app)).toEqual(before);
  });

  it('returns VersionConflictError first, then InvalidInputError, then UserNotActiveError', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'deactivateUser', { userId: id });
    const invalid = { firstName: ' ', locale: 'no locale' };
    expect(await update(id, { ...invalid, expectedVersion: 1 })).toMatchObject({
      __typename: 'VersionConflictError',
    });
    expect(await update(id, invalid)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'firstName' }, { path: 'locale' }],
    });
    expect(await update(id, { firstName: 'Ada' })).toMatchObject({ __typename: 'UserNotActiveError' });
  });

  it('rejects a new address that is taken as a username, which would follow the address', async () => {
    const { id } = await createUser(app);
    const wanted = buildUser().email;
    await storeUsername(app, (await createUser(app)).id, wanted as string);
    expect(await update(id, { email: wanted })).toMatchObject({ __typename: 'UsernameTakenError' });
    expect((await update(id, { email: wanted, username: `own-${id}` })).user).toMatchObject({
      pendingEmail: wanted,
      version: 2,
    });
  });
});
