import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { createTokenVerifier } from '../../src/authentication/token-verifier';
import { registerTokenCommand } from '../../src/commands/token';

const fileName = 'development-issuer.json';

describe('the development issuer', () => {
  let parent: string;
  let dataDirectory: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'development-issuer-'));
    dataDirectory = join(parent, '.data');
  });
  afterEach(() => rm(parent, { recursive: true }));

  const verify = async (token: string) => {
    const { issuer, audience, publicKey } = await openDevelopmentIssuer(dataDirectory);
    const log = pino({ level: 'silent' });
    return createTokenVerifier({ keys: { developmentKey: publicKey }, issuer, audience, log }).verify(
      `Bearer ${token}`,
    );
  };

  it('issues tokens that stay valid after a restart', async () => {
    const { issueToken } = await openDevelopmentIssuer(dataDirectory);
    const token = await issueToken({
      sub: 'ada',
      scope: 'users:read',
      authTime: new Date('2026-01-01T00:00:00Z'),
    });
    expect(await verify(token)).toEqual({
      id: 'ada',
      scopes: new Set(['users:read']),
      authenticatedAt: new Date('2026-01-01T00:00:00Z'),
    });
  });

  it('makes the data directory readable for this user only, also one that exists', async () => {
    await mkdir(dataDirectory, { mode: 0o755 });
    await chmod(dataDirectory, 0o755);
    await openDevelopmentIssuer(dataDirectory);
    expect(((await stat(dataDirectory)).mode & 0o777).toString(8)).toBe('700');
    expect(((await stat(join(dataDirectory, fileName))).mode & 0o777).toString(8)).toBe('600');
  });

  it('rejects the tokens of another checkout', async () => {
    const other = await openDevelopmentIssuer(join(parent, 'other'));
    await expect(verify(await other.issueToken({ sub: 'ada' }))).rejects.toThrow(
      /signed with an unknown key/,
    );
  });

  it('creates one key and one file in concurrent starts', async () => {
    const issuers = await Promise.all(Array.from({ length: 20 }, () => openDevelopmentIssuer(dataDirectory)));
    expect(new Set(issuers.map(({ publicKey }) => publicKey.kid)).size).toBe(1);
    expect(await readdir(dataDirectory)).toEqual([fileName]);
  });

  it('stores its private key readable for its owner only, and does not publish it', async () => {
    const { publicKey } = await openDevelopmentIssuer(dataDirectory);
    expect((await stat(join(dataDirectory, fileName))).mode & 0o777).toBe(0o600);
    expect(publicKey).not.toHaveProperty('d');
  });

  it('throws an error for an invalid file that says what to do, without quoting the file', async () => {
    await openDevelopmentIssuer(dataDirectory);
    const path = join(dataDirectory, fileName);
    const half = (await readFile(path, 'utf8')).slice(0, 150);
    for (const text of [half, '', '{}', 'null']) {
      await writeFile(path, text);
      await expect(openDevelopmentIssuer(dataDirectory)).rejects.toThrow(
        new Error(`${path} does not contain a development key. Delete it to create a new one.`),
      );
    }
  });

  describe('the token command', () => {
    let printed: string;
    let complained: string;

    beforeEach(() => {
      printed = '';
      complained = '';
      jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((printed += text)));
      jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((complained += text)));
    });
    afterEach(() => {
      jest.restoreAllMocks();
      process.exitCode = undefined;
    });

    const run = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
      const program = new Command('user-service').exitOverride();
      registerTokenCommand(program, { env, dataDirectory });
      await program.parseAsync(['token', ...args], { from: 'user' });
    };

    it('prints only a token', async () => {
      await run(['--sub', 'ada', '--scope', 'users:read users:write']);
      expect(printed).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      expect(complained).toBe('');
      const actor = await verify(printed.trim());
      expect(actor).toMatchObject({ id: 'ada', scopes: new Set(['users:read', 'users:write']) });
      expect(Date.now() - Number(actor?.authenticatedAt)).toBeLessThan(60_000);
    });

    it.each([
      [[], 3_600],
      [['--expires-in', '90'], 90],
      [['--expires-in', '15m'], 900],
      [['--expires-in', '2d'], 172_800],
    ])('prints a token with the expiry of %j', async (args, seconds) => {
      await run(['--sub', 'ada', ...args]);
      const { exp = 0, iat = 0 } = decodeJwt(printed.trim());
      expect(exp - iat).toBe(seconds);
    });

    it('prints one JSON document with --json', async () => {
      await run(['--sub', 'ada', '--scope', 'users:read', '--json']);
      expect(printed.split('\n')).toHaveLength(2);
      const { token, ...rest } = JSON.parse(printed);
      expect(rest).toEqual({
        sub: 'ada',
        scope: 'users:read',
        issuer: 'http://user-service.localhost/development',
        audience: 'user-service',
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
      });
      expect(await verify(token)).toMatchObject({ id: 'ada' });
    });

    it.each([
      [{ AUTH_JWKS_URL: 'https://auth.test/keys' }, /AUTH_JWKS_URL/],
      [{ AUTH_ISSUER: 'https://auth.test' }, /AUTH_ISSUER/],
      [{ NODE_ENV: 'production' }, /NODE_ENV/],
    ])('exits with 1 when another issuer is configured (%j)', async (env, message) => {
      await run(['--sub', 'ada'], env);
      expect(process.exitCode).toBe(1);
      expect(printed).toBe('');
      expect(complained).toMatch(message);
      await expect(stat(dataDirectory)).rejects.toThrow('ENOENT');
    });

    it.each([
      [[]],
      [['--sub', '']],
      [['--sub', 'a b']],
      [['--sub', 'a', '--expires-in', '0']],
      [['--sub', 'a', 'b']],
    ])('rejects arguments without a valid subject and expiry (%j)', async (args) => {
      await expect(run(args)).rejects.toMatchObject({ name: 'CommanderError' });
      expect(printed).toBe('');
      expect(complained).toMatch(/^error: /);
    });
  });
});
