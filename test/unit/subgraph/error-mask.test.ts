import { HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { badUserInput, forbidden, serviceUnavailable, unauthenticated } from '../../../src/subgraph/errors';
import { buildMaskedServer, secretValue } from '../../testkit/masked-server';

describe('what callers see of an error', () => {
  const { ask, server, lines } = buildMaskedServer();
  beforeAll(() => server.start());
  afterEach(() => void lines.splice(0));
  afterAll(() => server.stop());

  it.each([
    ['UNAUTHENTICATED', 401, unauthenticated()],
    ['FORBIDDEN', 200, forbidden('read this')],
    ['BAD_USER_INPUT', 200, badUserInput('first must be from 1 to 100.')],
    ['SERVICE_UNAVAILABLE', 503, serviceUnavailable()],
  ])('passes %s with HTTP %i and logs nothing', async (code, status, error) => {
    const answer = await ask('{ fail }', {}, error);
    expect(answer.first).toEqual({
      message: error.message,
      path: ['fail'],
      locations: expect.any(Array),
      extensions: { code },
    });
    expect(answer.status).toBe(status);
    expect(answer.lines).toEqual([]);
  });

  it.each([
    ['a plain error', new Error(`no such ${secretValue}`)],
    ['a GraphQL error without a code', new GraphQLError(`no such ${secretValue}`)],
    [
      'a GraphQL error with a code of its own',
      new GraphQLError(secretValue, { extensions: { code: 'X', a: secretValue } }),
    ],
    ['something that is no error', secretValue],
  ])('masks %s and gives the request id', async (_what, error) => {
    const answer = await ask('{ fail }', {}, error);
    expect(answer.first).toEqual({
      message: 'Something went wrong on our side. Quote the request id request-7 when you report it.',
      path: ['fail'],
      locations: expect.any(Array),
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'request-7' },
    });
    expect(answer.lines).toHaveLength(1);
    expect(JSON.parse(answer.lines[0] as string)).toMatchObject({
      level: 'error',
      requestId: 'request-7',
      path: 'fail',
    });
  });

  it('answers 503 and warns when PostgreSQL is away, also through TypeORM', async () => {
    const error = Object.assign(new Error(`connect ECONNREFUSED ${secretValue}`), { code: 'ECONNREFUSED' });
    const answer = await ask('{ fail }', {}, error);
    expect(answer.first.extensions).toEqual({ code: 'SERVICE_UNAVAILABLE' });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.lines[0] as string)).toMatchObject({
      level: 'warn',
      err: { code: 'ECONNREFUSED' },
    });
  });

  it('does not repeat an unknown operation name', async () => {
    const answer = await ask('query A { fail } query B { fail }', {}, undefined, secretValue);
    expect(answer.first).toMatchObject({
      message: 'Unknown operation.',
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
    });
  });

  it('refuses persisted queries under their own code', async () => {
    const result = await server.executeOperation(
      { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } },
      { contextValue: { requestId: 'r' } },
    );
    expect(result.body).toMatchObject({
      singleResult: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] },
    });
  });

  it('masks and logs a context that could not be made', async () => {
    const response = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([['content-type', 'application/json']]),
        search: '',
        body: { query: '{ fail }' },
      },
      context: async () => {
        throw new Error(secretValue);
      },
    });
    const text = response.body.kind === 'complete' ? response.body.string : '';
    expect(JSON.parse(text).errors).toEqual([
      { message: 'Something went wrong on our side.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(secretValue);
  });
});
