import { startTestApp, type TestApp } from '../testkit/app';
import { newId, storeUsers } from '../testkit/stored-users';
import { createUser } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('a list', () => {
  const lists = ['users', 'me { history'];
  const ask = async (arguments_: string, listed: string) => {
    const close = listed.includes('{') ? ' }' : '';
    return app.graphql(
      `{ ${listed}(${arguments_}) { nodes { id } }${close} }`,
      {},
      { token: await staffToken() },
    );
  };
  let staffId: string;
  const staffToken = async () => {
    staffId ??= (await createUser(app)).id;
    return app.token({ sub: staffId, scope: 'users:read' });
  };

  it.each([
    'first: 0',
    'first: 101',
    'first: -1',
    'after: ""',
    'after: "nonsense"',
    `after: "${Buffer.from('2024-02-30T00:00:00.000000Z 01975a5e-0000-7000-8000-000000000000').toString('base64url')}"`,
    `after: "${Buffer.from('2024-02-29T00:00:00.000000Z 01975a5e-0000-7000-8000-000000000000').toString('base64url')}!"`,
    `after: "${Buffer.from(`2024-02-29T00:00:00.000000Z ' OR true`).toString('base64url')}"`,
  ])('returns BAD_USER_INPUT for (%s)', async (arguments_) => {
    for (const listed of lists) {
      const { errors } = await ask(arguments_, listed);
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    }
  });

  it.each([
    'yesterday',
    '2024-02-30T00:00:00Z',
    '2024-01-01',
    '2024-01-01T00:00:00',
    '',
    '2024-13-01T00:00:00Z',
    5,
  ])('returns BAD_USER_INPUT for the date %j', async (date) => {
    const token = await staffToken();
    const responses = [
      await app.graphql(
        'query ($d: DateTime) { users(filter: { createdFrom: $d }) { nodes { id } } }',
        { d: date },
        { token },
      ),
      await app.graphql(
        'query ($d: DateTime) { me { history(to: $d) { nodes { id } } } }',
        { d: date },
        { token },
      ),
      await app.graphql(`{ me { history(from: ${JSON.stringify(date)}) { nodes { id } } } }`, {}, { token }),
    ];
    for (const { errors } of responses)
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
  });

  it('has 20 nodes by default, up to 100, and accepts every year of a DateTime', async () => {
    const users = Array.from({ length: 105 }, () => ({ id: newId('ACTIVE'), state: 'ACTIVE' as const }));
    await storeUsers(app, users);
    const token = await staffToken();
    const { data } = await app.graphql(
      '{ few: users { nodes { id } } null: users(first: null) { nodes { id } } many: users(first: 100) { nodes { id } } }',
      {},
      { token },
    );
    expect([data.few.nodes, data.null.nodes, data.many.nodes].map(({ length }) => length)).toEqual([
      20, 20, 100,
    ]);
    const { errors } = await app.graphql(
      '{ users(filter: { createdFrom: "0000-01-01T00:00:00+23:59", createdTo: "9999-12-31T23:59:59-23:59" }) { nodes { id } } }',
      {},
      { token },
    );
    expect(errors).toEqual([]);
  });
});
