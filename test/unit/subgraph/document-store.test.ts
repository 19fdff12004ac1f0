import { parse } from 'graphql';
import { createDocumentStore } from '../../../src/subgraph/document-store';

const isKept = async (text: string) => {
  const store = createDocumentStore();
  await store.set('key', parse(text));
  return (await store.get('key')) !== undefined;
};

describe('the document store', () => {
  it.each([
    '{ me { id } }',
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
    '{ users(first: 5) { nodes { id } } }',
  ])('keeps %s', async (text) => {
    expect(await isKept(text)).toBe(true);
  });

  it.each([
    'mutation { createUser(input: { password: "secret word" }) { __typename } }',
    'mutation { createUser(input: { password: """secret word""" }) { __typename } }',
    'mutation ($password: String = "secret word") { createUser(input: { password: $password }) { __typename } }',
    'query { me { id } } mutation { createUser(input: { list: [[{ password: "secret word" }]] }) { __typename } }',
    '{ ...F } fragment F on Query { userByEmail(email: "ada@example.com") { id } }',
    '{ me { id @tag(name: "secret word") } }',
  ])('does not keep %s', async (text) => {
    expect(await isKept(text)).toBe(false);
  });

  it('keeps at most half a million characters', async () => {
    const store = createDocumentStore();
    const text = (n: number) => `{ ${`alias${n}: me { id } `.repeat(500)} }`;
    for (let n = 0; n < 100; n += 1) await store.set(`${n}`, parse(text(n)));
    const kept = await Promise.all(Array.from({ length: 100 }, (_, n) => store.get(`${n}`)));
    const characters = kept.reduce((sum, document) => sum + (document?.loc?.source.body.length ?? 0), 0);
    expect(characters).toBeGreaterThan(400_000);
    expect(characters).toBeLessThanOrEqual(500_000);
  });
});
