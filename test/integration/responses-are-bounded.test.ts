import { startTestApp, type TestApp } from '../testkit/app';
import { createUser } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const numbered = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');

describe('a response', () => {
  it('has 100 errors at most, and one that counts the others', async () => {
    const token = await app.token({ sub: 'auditor', scope: 'users:audit' });
    const { id } = await createUser(app);
    const aliased = numbered(50, (index) => `a${index}: email`);
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id ${aliased} email username
      pendingEmail firstName lastName phoneNumber locale timeZone statusNotes version createdAt updatedAt
      statusReason statusChangedAt emailVerification { status } phoneVerification { status } commerce { orderCount }
      address { city } emailPreferences { loyalty } history { pageInfo { endCursor } } } } }`;
    const r = Array(900).fill({ __typename: 'User', id });
    const { data, errors } = await app.graphql(query, { r }, { token });
    expect(data._entities).toHaveLength(900);
    expect(data._entities[899]).toMatchObject({ id, a0: null, history: null });
    expect(errors).toHaveLength(101);
    expect(new Set(errors.slice(0, 100).map(({ extensions }) => extensions.code))).toEqual(
      new Set(['FORBIDDEN']),
    );
    expect(errors[100]).toEqual({
      message: '62900 more errors were omitted.',
      extensions: { code: 'ERRORS_OMITTED', omitted: 62_900 },
    });
  });

  it('counts errors of arguments among the omitted ones', async () => {
    const { id } = await createUser(app);
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User {
      ${numbered(18, (index) => `h${index}: history(first: 0) { nodes { id } }`)} } } }`;
    const r = Array(100).fill({ __typename: 'User', id });
    const { errors } = await app.graphql(query, { r }, { token: app.staff });
    expect(errors).toHaveLength(101);
    expect(errors[100]?.extensions).toEqual({ code: 'ERRORS_OMITTED', omitted: 1_700 });
  });

  it('counts omitted errors of representations and of fields together', async () => {
    const { id } = await createUser(app);
    const token = await app.token({ sub: 'auditor', scope: 'users:audit' });
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { email username } } }`;
    const r = [...Array(150).fill(5), ...Array(100).fill(id)].map((it) => ({ __typename: 'User', id: it }));
    const { errors } = await app.graphql(query, { r }, { token });
    expect(errors).toHaveLength(101);
    expect(errors[100]?.extensions).toEqual({ code: 'ERRORS_OMITTED', omitted: 150 + 100 * 2 - 100 });
  });

  it.each([
    ['a field', (name: string) => `{ ${name} }`],
    ['an argument', (name: string) => `{ me(${name}: 1) { id } }`],
    ['a directive', (name: string) => `{ me @${name} { id } }`],
    ['a type', (name: string) => `query ($v: [[${name}]]) { me { id } }`],
    ['a fragment', (name: string) => `{ ...${name} }`],
    ['a variable', (name: string) => `{ user(id: $${name}) { id } }`],
    ['fields in conflict', (name: string) => `{ ${name}: me { id } ${name}: users { nodes { id } } }`],
    ['a value', (name: string) => `{ user(id: ${name}) { id } }`],
  ])('repeats less than 100 characters of %s in errors', async (_what, documentOf) => {
    const name = `n${'abcdefghi_'.repeat(500)}`;
    const { status, errors } = await app.graphql(documentOf(name));
    expect(status).toBe(400);
    for (const { message } of errors) {
      expect(message).not.toContain(name.slice(0, 100));
      expect(message.length).toBeLessThan(400);
    }
  });
});
