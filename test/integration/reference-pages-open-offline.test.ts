import { graphReference, messageReference } from '../../scripts/reference-pages';
import { type OfflineBrowser, startOfflineBrowser } from '../testkit/browser';

let browser: OfflineBrowser;

beforeAll(async () => {
  browser = await startOfflineBrowser();
}, 120_000);
afterAll(() => browser?.close());

it.each([
  ['graph', graphReference, 'User', 'VersionConflictError', 'updateUser'],
  ['messages', messageReference, 'UserCreated', 'OrderPlaced', 'UserErased'],
] as const)(
  'the reference of the %s opens without a network, and filters by name',
  async (_name, print, entry, wanted, other) => {
    const page = await browser.context.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    await page.setContent(print());
    expect(await page.locator(`section#${entry}`).isVisible()).toBe(true);
    const links = await page
      .locator('a')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
    const ids = new Set(await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => `#${id}`)));
    expect(links.filter((link) => !ids.has(link))).toEqual([]);
    await page.getByLabel('Filter by name').fill(wanted.toLowerCase());
    expect(await page.locator(`section#${wanted}`).isVisible()).toBe(true);
    expect(await page.locator(`section#${other}`).isVisible()).toBe(false);
    expect([problems, browser.strayRequests]).toEqual([[], []]);
    await page.close();
  },
);
