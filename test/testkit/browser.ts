import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** A headless browser that reaches this machine's loopback address and nothing else. */
export interface OfflineBrowser {
  readonly context: BrowserContext;
  /** Requests to hosts other than 127.0.0.1; all were aborted. */
  readonly strayRequests: string[];
  close(): Promise<void>;
}

/** Starts a headless browser with an empty profile. Installs Chromium as root on Debian; throws if there is no browser. */
export async function startOfflineBrowser(): Promise<OfflineBrowser> {
  const browser: Browser = await chromium.launch({
    executablePath: findBrowser(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Covers requests that bypass the route below.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const strayRequests: string[] = [];
  await context.route('**/*', (route) => {
    const { protocol, hostname, href } = new URL(route.request().url());
    if (hostname === '127.0.0.1' || protocol === 'data:' || protocol === 'blob:') return route.continue();
    strayRequests.push(href);
    return route.abort();
  });
  return { context, strayRequests, close: () => browser.close() };
}

function findBrowser(): string {
  const chosen = process.env.CHROMIUM_PATH;
  if (chosen) return chosen;
  const found = places.find((path) => existsSync(path)) ?? installBrowser();
  if (found) return found;
  throw new Error(
    'This test needs Chromium or Chrome: install one (on Debian: apt-get install -y chromium), or set CHROMIUM_PATH.',
  );
}

function installBrowser(): string | undefined {
  const isDebian =
    existsSync('/etc/debian_version') && /ID(_LIKE)?=.*debian/.test(readFileSync('/etc/os-release', 'utf8'));
  if (!isDebian || process.getuid?.() !== 0) return undefined;
  const install = 'apt-get install -y --no-install-recommends chromium';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('sh', ['-c', `${install} || { apt-get update && ${install}; }`], { env, stdio: 'ignore' });
  return places.find((path) => existsSync(path));
}
