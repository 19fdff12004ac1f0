import { pino } from 'pino';
import { KeysUnavailableError, UnauthenticatedError } from '../../src/authentication/authentication.errors';
import { createTokenVerifier, type TokenVerifier } from '../../src/authentication/token-verifier';
import { eventually } from '../testkit/eventually';
import { type JwksServer, makeSigningKey, signClaims, startJwksServer } from '../testkit/jwks-server';

const minutes = 60_000;
const hours = 60 * minutes;
const id = '0195a3c4-7b2e-7f00-8000-0123456789ab';

describe('the token verifier', () => {
  let jwks: JwksServer;
  let verifier: TokenVerifier;
  let passedMs: number;
  let lines: string[];

  beforeEach(async () => {
    jwks = await startJwksServer();
    passedMs = 0;
    lines = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
    const { jwksUrl, issuer, audience } = jwks;
    verifier = createTokenVerifier({
      keys: { jwksUrl },
      issuer,
      audience,
      log,
      now: () => Date.now() + passedMs,
    });
  });
  afterEach(() => jwks.server.close());

  /** A token that is valid for a week, so that only its key can fail. */
  const header = async (sub = id) => {
    const exp = Math.floor(Date.now() / 1_000) + 7 * 86_400;
    return `Bearer ${await jwks.issueToken(sub, 'users:read', { exp })}`;
  };
  const fetches = () => jwks.server.requests.length;
  const unknownKey = async () => {
    const { issuer: iss, audience: aud } = jwks;
    const exp = Math.floor(Date.now() / 1_000) + 60;
    return `Bearer ${await signClaims(await makeSigningKey(), { iss, aud, sub: id, exp })}`;
  };

  it('fetches keys once for concurrent requests', async () => {
    const headers = await Promise.all([header('a'), header('b'), header('c'), header('d')]);
    const actors = await Promise.all(headers.map((each) => verifier.verify(each)));
    expect(actors.map((actor) => actor?.id)).toEqual(['a', 'b', 'c', 'd']);
    expect(fetches()).toBe(1);
  });

  it('fetches no keys without a bearer token', async () => {
    await verifier.verify(undefined);
    await expect(verifier.verify('Basic YTpi')).rejects.toBeInstanceOf(UnauthenticatedError);
    expect(fetches()).toBe(0);
  });

  it('accepts a token of a newly published key', async () => {
    await verifier.verify(await header());
    await jwks.rotate();
    expect(await verifier.verify(await header())).toMatchObject({ id });
    expect(fetches()).toBe(2);
  });

  it('accepts tokens of both keys during rotation, also without key ids', async () => {
    const { issuer: iss, audience: aud } = jwks;
    const exp = Math.floor(Date.now() / 1_000) + 60;
    const [older, newer] = [await makeSigningKey(), await makeSigningKey()];
    const nameless = async (key: typeof older) =>
      `Bearer ${await signClaims({ ...key, kid: undefined as never }, { iss, aud, sub: id, exp })}`;
    const publish = (...keys: (typeof older)[]) =>
      jwks.server.always({
        status: 200,
        body: { keys: keys.map(({ publicJwk }) => ({ ...publicJwk, kid: undefined })) },
      });

    publish(older);
    expect(await verifier.verify(await nameless(older))).toMatchObject({ id });
    publish(older, newer);
    expect(await verifier.verify(await nameless(newer))).toMatchObject({ id });
    expect(await verifier.verify(await nameless(older))).toMatchObject({ id });
    await expect(verifier.verify(await nameless(await makeSigningKey()))).rejects.toThrow(/signature/);
    passedMs += 5 * minutes;
    for (const key of [older, newer])
      await expect(verifier.verify(await nameless(key))).rejects.toThrow(/expired/);
  });

  it('fetches keys five times for unknown key ids, then once in ten seconds', async () => {
    await verifier.verify(await header());
    for (let n = 0; n < 50; n += 1) {
      await expect(verifier.verify(await unknownKey())).rejects.toThrow(/signed with an unknown key/);
    }
    expect(fetches()).toBe(6);
    passedMs += 11_000;
    await jwks.rotate();
    expect(await verifier.verify(await header())).toMatchObject({ id });
    expect(fetches()).toBe(7);
    // A quiet hour permits five again, and no more. The first token also finds the keys stale.
    passedMs += hours;
    for (let n = 0; n < 10; n += 1)
      await expect(verifier.verify(await unknownKey())).rejects.toThrow(/signed with an unknown key/);
    expect(fetches()).toBe(7 + 1 + 5);
  });

  it('fetches keys for a status without keys, and does not wait for them', async () => {
    expect(verifier.status()).toBe('ready');
    await eventually(() => expect(fetches()).toBe(1));
    jwks.server.always('reset');
    passedMs = 24 * hours + 1;
    await eventually(() => expect(verifier.status()).toBe('degraded'));
  });

  it('logs the start and the end of each outage once, as a warning while it has keys', async () => {
    const published = await makeSigningKey();
    const response = { status: 200, body: { keys: [published.publicJwk] } };
    const { issuer: iss, audience: aud } = jwks;
    const own = `Bearer ${await signClaims(published, { iss, aud, sub: id, exp: 4_102_444_800 })}`;
    jwks.server.always(response);
    expect(await verifier.verify(own)).toMatchObject({ id });
    const logged = () => lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg]);
    const began = [40, 'the keys of the AuthenticationService could not be fetched'];
    const ended = [30, 'the keys of the AuthenticationService were fetched again'];
    const expected: unknown[] = [];
    for (let outage = 0; outage < 2; outage += 1) {
      jwks.server.always('reset');
      passedMs += 11 * minutes;
      await verifier.verify(own);
      passedMs += 2_000;
      await expect(verifier.verify(await unknownKey())).rejects.toBeInstanceOf(KeysUnavailableError);
      expected.push(began);
      expect(logged()).toEqual(expected);
      jwks.server.always(response);
      passedMs += 2_000;
      await verifier.verify(own);
      expected.push(ended);
      await eventually(() => expect(logged()).toEqual(expected));
      await expect(verifier.verify(await unknownKey())).rejects.toThrow(/signed with an unknown key/);
    }
  });

  it('rejects tokens of a withdrawn key after ten minutes, also cached ones', async () => {
    const old = await header();
    expect(await verifier.verify(old)).toMatchObject({ id });
    await jwks.rotate({ withdrawOld: true });
    passedMs += 10 * minutes + 1;
    await expect(verifier.verify(old)).rejects.toThrow(/signed with an unknown key/);
  });

  it('fetches keys that never change every ten minutes, and accepts their tokens after a day', async () => {
    const known = await header();
    const fetched: number[] = [];
    for (const laterMs of [0, 11 * minutes, 1 * minutes, 25 * hours, 1 * minutes]) {
      passedMs += laterMs;
      expect(await verifier.verify(known)).toMatchObject({ id });
      fetched.push(fetches());
    }
    expect(fetched).toEqual([1, 2, 2, 3, 3]);
  });

  it('does not verify a cached token again when fetched keys are unchanged, also after a change', async () => {
    await verifier.verify(await header());
    await jwks.rotate();
    const known = await header();
    const first = await verifier.verify(known);
    passedMs += 11 * minutes;
    expect(await verifier.verify(known)).toBe(first);
    expect(fetches()).toBe(3);
  });

  it('uses cached keys for 24 hours while they cannot be fetched, and logs an error when they expire', async () => {
    const old = await header('known');
    await verifier.verify(old);
    jwks.server.always('reset');
    for (const at of [11 * minutes, 2 * hours, 24 * hours - minutes]) {
      passedMs = at;
      expect(await verifier.verify(old)).toMatchObject({ id: 'known' });
      expect(await verifier.verify(await header(`new ${at}`.replace(' ', '-')))).toMatchObject({
        scopes: new Set(['users:read']),
      });
      expect(verifier.status()).toBe('ready');
    }
    for (const afterMs of [1, 2_000]) {
      passedMs = 24 * hours + afterMs;
      expect(verifier.status()).toBe('degraded');
      await expect(verifier.verify(old)).rejects.toBeInstanceOf(KeysUnavailableError);
    }
    // A warning when the first fetch failed, and one error when the keys expired.
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, msg: 'the keys of the AuthenticationService could not be fetched' },
      { level: 50, msg: 'the keys of the AuthenticationService could not be fetched' },
    ]);
  });

  it('delays only the first request while a fetch of known keys hangs', async () => {
    await verifier.verify(await header());
    jwks.server.always('freeze');
    passedMs += 11 * minutes;
    await verifier.verify(await header());
    passedMs += 10_000;
    const before = performance.now();
    for (let n = 0; n < 20; n += 1) await verifier.verify(await header(`person-${n}`));
    expect(performance.now() - before).toBeLessThan(1_500);
    expect(fetches()).toBe(3);
  });

  it.each([
    ['no connection', 'reset'],
    ['an error', { status: 500 }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['something else in JSON', { status: 200, body: { keys: 'none' } }],
    ['null', { status: 200, body: 'null' }],
    ['no keys', { status: 200, body: { keys: [] } }],
  ] as const)('throws KeysUnavailableError until the first keys arrive, after %s', async (_, response) => {
    jwks.server.always(response);
    const valid = await header();
    await expect(verifier.verify(valid)).rejects.toBeInstanceOf(KeysUnavailableError);
    const asked = fetches();
    await expect(verifier.verify(valid)).rejects.toBeInstanceOf(KeysUnavailableError);
    expect(fetches()).toBe(asked);

    const { publicJwk, privateKey, kid, alg } = await makeSigningKey();
    jwks.server.always({ status: 200, body: { keys: [publicJwk] } });
    passedMs += 1_001;
    const { issuer: iss, audience: aud } = jwks;
    const token = await signClaims(
      { publicJwk, privateKey, kid, alg },
      { iss, aud, sub: id, exp: 4_102_444_800 },
    );
    expect(await verifier.verify(`Bearer ${token}`)).toMatchObject({ id });
    expect(lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg])).toEqual([
      [50, 'the keys of the AuthenticationService could not be fetched'],
      [30, 'the keys of the AuthenticationService were fetched again'],
    ]);
  });

  it.each([
    ['http://127.0.0.1:1/', 'bad port'],
    [
      'http://user:secret@127.0.0.1:8080/',
      'Request cannot be constructed from a URL that includes credentials: AUTH_JWKS_URL',
    ],
  ])('logs why fetch refuses the address %s', async (address, reason) => {
    const logged: string[] = [];
    const refused = createTokenVerifier({
      keys: { jwksUrl: new URL(address) },
      issuer: 'i',
      audience: 'a',
      log: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
    });
    await expect(refused.verify(await header())).rejects.toBeInstanceOf(KeysUnavailableError);
    expect(logged.map((line) => JSON.parse(line).reason)).toEqual([reason]);
  });

  it('times out after two seconds for all concurrent requests', async () => {
    jwks.server.always('freeze');
    const valid = await header();
    const before = performance.now();
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => verifier.verify(valid)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(fetches()).toBe(1);
  });

  it('throws KeysUnavailableError for a token that it cannot check', async () => {
    await verifier.verify(await header());
    await jwks.rotate();
    jwks.server.always('reset');
    // More often than fetches for unknown keys are permitted.
    for (let n = 0; n < 8; n += 1)
      await expect(verifier.verify(await header())).rejects.toBeInstanceOf(KeysUnavailableError);
  });

  it('does not follow redirects of the JWKS endpoint', async () => {
    const elsewhere = await startJwksServer();
    jwks.server.always({ status: 302, headers: { location: elsewhere.jwksUrl.href } });
    const valid = await header();
    const attempt = await verifier.verify(valid).catch((error: unknown) => error);
    await elsewhere.server.close();
    expect(attempt).toBeInstanceOf(KeysUnavailableError);
    expect(elsewhere.server.requests).toEqual([]);
  });

  it('keeps its keys when a response has none', async () => {
    await verifier.verify(await header());
    jwks.server.always({ status: 200, body: { keys: [] } });
    passedMs += 11 * minutes;
    expect(await verifier.verify(await header('another'))).toMatchObject({ id: 'another' });
  });
});
