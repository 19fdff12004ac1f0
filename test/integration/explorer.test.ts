import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type App, startApp } from '../../src/app';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { loadConfig } from '../../src/config';
import { exampleUserId, explorerExamples, explorerGroups } from '../../src/explorer/explorer-examples';
import { type OfflineBrowser, startOfflineBrowser } from '../testkit/browser';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

describe('the explorer, in a browser without a network', () => {
  let database: TestDatabase;
  let directory: string;
  let app: App;
  let browser: OfflineBrowser;
  let page: Page;
  const pageErrors: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'explorer-'));
    const env = { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'error' };
    app = await startApp(loadConfig(env, directory));
    await app.ready;
    browser = await startOfflineBrowser();
    page = await browser.context.newPage();
    page.on('pageerror', (error) => pageErrors.push(error.message));
    page.on('console', (message) => {
      // A rejected operation has an HTTP status of 4xx, which the tests expect.
      if (message.type() === 'error' && !message.text().includes('status of 4'))
        pageErrors.push(message.text());
    });
    await page.goto(`${app.url}/`);
    await page.waitForSelector('.graphiql-execute-button');
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await app?.stop();
    await database?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  /** The first tab of this title: a reload before GraphiQL has stored its tabs adds another one with the query of the URL. */
  function tab(title: string) {
    return page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${title}$`) }).first();
  }

  async function run(title: string, expected: string): Promise<void> {
    await tab(title).click();
    await eventually(async () => expect(await selectedTab()).toBe(title));
    await eventually(
      async () => {
        await page.click('.graphiql-execute-button');
        // Right after a change of tabs, GraphiQL may ignore the click.
        await eventually(async () => expect(await responseText()).toContain(expected), { timeoutMs: 2_000 });
      },
      { timeoutMs: 20_000 },
    );
  }

  async function selectedTab(): Promise<string> {
    return (await page.locator('[role=tab][aria-selected=true]').innerText()).trim();
  }

  /** Returns the text of the response. The editor renders spaces as no-break spaces. */
  async function responseText(): Promise<string> {
    return (await page.locator('.graphiql-response').innerText()).replaceAll('\u00a0', ' ');
  }

  it('shows its title, how to get a token, and a tab for each example', async () => {
    expect(await page.title()).toBe('User Service');
    expect(await page.locator('.bar').innerText()).toContain('npx user-service token --sub');
    expect(await page.locator('.graphiql-tab-button').count()).toBe(explorerExamples.length);
    expect(await selectedTab()).toBe('CreateUser');
    expect(await page.locator('.graphiql-query-editor').innerText()).toContain('createUser');
  });

  it('shows UNAUTHENTICATED for a protected operation without a token', async () => {
    expect(await page.locator('#token-state').innerText()).toBe('No token: only public fields are returned');
    await run('Users', 'UNAUTHENTICATED');
  });

  it('says what to press in the response pane until the first run', async () => {
    const hint = () =>
      page.locator('.graphiql-response').evaluate((pane) => getComputedStyle(pane, '::after').content);
    expect(await hint()).toBe('none');
    await page.reload();
    await page.waitForSelector('.graphiql-execute-button');
    expect(await hint()).toContain('or Ctrl+Enter to run the example');
  });

  it('calls as a person after one click, and shows who that is', async () => {
    await page.getByRole('button', { name: 'Staff' }).click();
    await eventually(async () =>
      expect(await page.locator('#token-state').innerText()).toContain(
        'staff with users:read users:write, until',
      ),
    );
    await run('Users', '"users"');
    await page.getByRole('button', { name: 'Auditor' }).click();
    await run('AuditTrail', '"nodes": []');
  });

  it('groups the tabs, and opens the first tab of a group', async () => {
    const labels = page.locator('.graphiql-tab[data-group]');
    const titles = explorerGroups.map(({ title }) => title);
    expect(await labels.evaluateAll((tabs) => tabs.map((tab) => tab.getAttribute('data-group')))).toEqual(
      titles,
    );
    await page.getByRole('button', { name: 'Privacy', exact: true }).click();
    await eventually(async () => expect(await selectedTab()).toBe('ExportData'));
  });

  it('runs operations as the actor of the pasted token', async () => {
    const { issueToken } = await openDevelopmentIssuer(join(directory, '.data'));
    const token = await issueToken({ sub: exampleUserId, scope: 'users:read users:write' });
    await page.getByLabel('Access token').fill(token);
    expect(await page.locator('#token-state').innerText()).toContain(
      `${exampleUserId} with users:read users:write, until`,
    );
    await run('CreateUser', 'CreateUserSuccess');
    await run('UserByEmail', 'ada@example.com');
    await run('User', 'USER_CREATED');
    await run('Me', '"displayName": "Ada"');
  });

  it('keeps the token on reload, and not in another browser tab', async () => {
    await page.reload();
    await page.waitForSelector('.graphiql-execute-button');
    await run('Users', 'ada@example.com');
    const other = await browser.context.newPage();
    await other.goto(`${app.url}/`);
    expect(await other.getByLabel('Access token').inputValue()).toBe('');
    await other.close();
  });

  it('reports an invalid or expired token before it is used', async () => {
    const field = page.getByLabel('Access token');
    await field.fill('nonsense');
    expect(await page.locator('#token-state').innerText()).toBe('Not a valid token');
    const { issueToken } = await openDevelopmentIssuer(join(directory, '.data'));
    await field.fill(await issueToken({ sub: exampleUserId, expiresInSeconds: -60 }));
    expect(await page.locator('#token-state').innerText()).toContain('Expired at');
  });

  it('shows a field for the router secret if one is required, and sends it', async () => {
    expect(await page.getByLabel('Router secret').count()).toBe(0);
    const env = { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'error', ROUTER_SECRET: 'let-me-in' };
    const guarded = await startApp(loadConfig(env, directory));
    const other = await browser.context.newPage();
    await other.goto(`${guarded.url}/`);
    await other.waitForSelector('.graphiql-execute-button');
    const status = () =>
      other.evaluate(async () => {
        const body = JSON.stringify({ query: '{ __typename }' });
        const headers = { 'content-type': 'application/json' };
        return (await fetch('/graphql', { method: 'POST', headers, body })).status;
      });
    expect(await status()).toBe(401);
    await other.getByLabel('Router secret').fill('let-me-in');
    expect(await status()).toBe(200);
    await other.close();
    await guarded.stop();
  });

  it('issues no tokens when they come from the AuthenticationService', async () => {
    const authentication = { AUTH_JWKS_URL: 'http://127.0.0.1:9/jwks', AUTH_ISSUER: 'a', AUTH_AUDIENCE: 'b' };
    const env = { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'error', ...authentication };
    const authenticated = await startApp(loadConfig(env, directory));
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ sub: 'ada', scope: '' });
    const status = async ({ url }: App) =>
      (await fetch(`${url}/development/tokens`, { method: 'POST', headers, body })).status;
    expect([await status(authenticated), await status(app)]).toEqual([404, 200]);
    const hasButtons = async ({ url }: App) => (await (await fetch(`${url}/`)).text()).includes('data-sub="');
    expect([await hasButtons(authenticated), await hasButtons(app)]).toEqual([false, true]);
    await authenticated.stop();
  });

  it('sends no request to other hosts and violates no rule of its content security policy', () => {
    expect(browser.strayRequests).toEqual([]);
    expect(pageErrors).toEqual([]);
  });

  it('responds 304 to a request with its current ETag', async () => {
    const first = await fetch(`${app.url}/`);
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'sha256-");
    const second = await fetch(`${app.url}/`, { headers: { 'if-none-match': etag } });
    expect([second.status, await second.text()]).toEqual([304, '']);
  });
});
