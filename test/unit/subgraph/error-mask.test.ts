import { HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { badUserInput, forbidden, serviceUnavailable, unauthenticated } from '../../../src/subgraph/errors';
import { buildMaskedServer, secretValue } from '../../testkit/masked-server';

describe('the error mask', () => {
  const { ask, server, lines } = buildMaskedServer();
  beforeAll(() => server.start());
  afterEach(() => void lines.splice(0));
  afterAll(() => server.stop());

  it.each([
    ['UNAUTHENTICATED', 401, unauthenticated()],
    ['FORBIDDEN', 200, forbidden('read this')],
    ['BAD_USER_INPUT', 200, badUserInput('The argument "first" must be between 1 and 100.')],
    ['SERVICE_UNAVAILABLE', 503, serviceUnavailable()],
  ])('passes %s on with HTTP %i and logs nothing', async (code, status, error) => {
    const response = await ask('{ fail }', {}, error);
    expect(response.first).toEqual({
      message: error.message,
      path: ['fail'],
      locations: expect.any(Array),
      extensions: { code },
    });
    expect(response.status).toBe(status);
    expect(response.lines).toEqual([]);
  });

  it.each([
    ['an Error', new Error(`no such ${secretValue}`)],
    ['a GraphQLError without a code', new GraphQLError(`no such ${secretValue}`)],
    [
      'a GraphQLError with an unknown code',
      new GraphQLError(secretValue, { extensions: { code: 'X', a: secretValue } }),
    ],
    ['a thrown string', secretValue],
  ])('replaces %s with the request id and logs it', async (_what, error) => {
    const response = await ask('query Failing { fail }', {}, error);
    expect(response.first).toEqual({
      message: 'Internal server error. Quote the request id request-7 when you report it.',
      path: ['fail'],
      locations: expect.any(Array),
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'request-7' },
    });
    expect(response.lines).toHaveLength(1);
    expect(JSON.parse(response.lines[0] as string)).toMatchObject({
      level: 'error',
      requestId: 'request-7',
      trace_id: 'trace of request-7',
      operation: 'Failing',
      path: 'fail',
    });
  });

  it('responds with 503 and logs a warning while PostgreSQL is unavailable', async () => {
    const error = Object.assign(new Error(`connect ECONNREFUSED ${secretValue}`), { code: 'ECONNREFUSED' });
    const response = await ask('{ fail }', {}, error);
    expect(response.first.extensions).toEqual({ code: 'SERVICE_UNAVAILABLE' });
    expect(response.status).toBe(503);
    expect(JSON.parse(response.lines[0] as string)).toMatchObject({
      level: 'warn',
      trace_id: 'trace of request-7',
      err: { code: 'ECONNREFUSED' },
    });
  });

  it('responds with 503 when PostgreSQL is unavailable for a field after one with another error', async () => {
    const query = 'query ($first: Int = 1) { echo(first: $first) fail }';
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const response = await ask(query, { first: null }, error);
    expect(response.errors.map(({ extensions }: GraphQLError) => extensions.code)).toEqual([
      'BAD_USER_INPUT',
      'SERVICE_UNAVAILABLE',
    ]);
    expect(response.status).toBe(503);
  });

  it('does not repeat an unknown operation name', async () => {
    const response = await ask('query A { fail } query B { fail }', {}, undefined, secretValue);
    expect(response.first).toMatchObject({
      message: 'The operation name is missing or unknown.',
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
    });
  });

  it('keeps the code for persisted queries', async () => {
    const result = await server.executeOperation(
      { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } },
      { contextValue: { requestId: 'r' } },
    );
    expect(result.body).toMatchObject({
      singleResult: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] },
    });
  });

  it('masks and logs an error while creating the context', async () => {
    const http = await server.executeHTTPGraphQLRequest({
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
    const text = http.body.kind === 'complete' ? http.body.string : '';
    expect(JSON.parse(text).errors).toEqual([
      { message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(secretValue);
  });
});
