import { type GraphQLResponse, startTestApp, type TestApp } from '../testkit/app';
import { createUser } from '../testkit/users';

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

const mutation = `mutation ($input: UpdateUserInput!) { updateUser(input: $input) { __typename } }`;

/** Tries an address on one of the two replicas, by turns. */
function attempt(id: string, token: string, index: number, email = `try-${index}-${id}@example.com`) {
  return (index % 2 === 0 ? app : replica).graphql(mutation, { input: { userId: id, email } }, { token });
}

function expectRefused({ status, data, errors }: GraphQLResponse): void {
  expect({ status, data }).toEqual({ status: 200, data: { updateUser: null } });
  expect(errors).toMatchObject([
    {
      message: 'You may try at most 10 new e-mail addresses an hour.',
      extensions: { code: 'LIMIT_EXCEEDED', limit: 'addressChanges', maximum: 10 },
    },
  ]);
}

it('the eleventh new address of a person within an hour is refused, on all replicas together', async () => {
  const taken = await createUser(app);
  const { id } = await createUser(app);
  const token = await app.token({ sub: id });
  const results = [];
  for (let index = 0; index < 10; index += 1) {
    const { data } = await attempt(id, token, index, index % 3 === 0 ? taken.email : undefined);
    results.push(data.updateUser.__typename);
  }
  expect(results.filter((it) => it === 'EmailTakenError')).toHaveLength(4);
  expect(results.filter((it) => it === 'UpdateUserSuccess')).toHaveLength(6);
  expectRefused(await attempt(id, token, 10));
  expectRefused(await attempt(id, token, 11, taken.email));

  // Other changes and staff are not limited.
  const other = await app.graphql(mutation, { input: { userId: id, firstName: 'Ada' } }, { token });
  expect(other.data.updateUser.__typename).toBe('UpdateUserSuccess');
  const byStaff = await attempt(id, app.staff, 12);
  expect(byStaff.data.updateUser.__typename).toBe('UpdateUserSuccess');

  // Tries older than an hour no longer count.
  await app.sql(
    `UPDATE address_changes SET tried_at = ARRAY(
    SELECT tried - interval '61 minutes' * (ordinal <= 2)::int FROM unnest(tried_at) WITH ORDINALITY AS it (tried, ordinal)),
      changed_at = now() - interval '2 hours'
    WHERE user_id = $1`,
    [id],
  );
  const again = await Promise.all([13, 14, 15, 16].map((index) => attempt(id, token, index)));
  const typeNames = again.map(({ data }) => data.updateUser?.__typename ?? 'refused');
  expect(typeNames.filter((it) => it === 'refused')).toHaveLength(2);
  expect(typeNames.filter((it) => it === 'UpdateUserSuccess')).toHaveLength(2);
  // Retention counts from the last try.
  expect(
    await app.sql(
      `SELECT changed_at > now() - interval '1 minute' AS fresh FROM address_changes WHERE user_id = $1`,
      [id],
    ),
  ).toEqual([{ fresh: true }]);
});

it('the current address and unknown users do not count', async () => {
  const { id, email } = await createUser(app);
  const token = await app.token({ sub: id });
  for (let index = 0; index < 12; index += 1) {
    const { data } = await attempt(id, token, index, ` ${email.toUpperCase()} `);
    expect(data.updateUser.__typename).toBe('UpdateUserSuccess');
  }
  const unknownId = '01975a5e-1111-7000-8000-0000000000ad';
  const unknown = await attempt(unknownId, await app.token({ sub: unknownId }), 0);
  expect(unknown.data.updateUser.__typename).toBe('UserNotFoundError');
  expect(await app.sql('SELECT 1 FROM address_changes WHERE user_id IN ($1, $2)', [id, unknownId])).toEqual(
    [],
  );
});
