import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { explorerBarCss, explorerBarHtml, explorerBarScript } from './explorer-bar';
import { type ExplorerGroup, examplesOf, explorerGroups } from './explorer-examples';

export interface ExplorerOptions {
  /** True if the page needs a field for a router secret. */
  readonly asksForRouterProof: boolean;
  /** True if `POST /development/tokens` issues tokens: the page then has a button for each person. */
  readonly issuesTokens: boolean;
  /** Defaults to `User Service`. */
  readonly title?: string;
  /** Defaults to the examples of this service. */
  readonly groups?: readonly ExplorerGroup[];
}

/** The page as it is sent, with the headers that depend on its content. */
interface ExplorerPage {
  body: Buffer;
  etag: string;
  contentSecurityPolicy: string;
}

const logoSvg =
  '<svg viewBox="0 0 24 24" width="24" height="24" xmlns="http://www.w3.org/2000/svg" fill="#3b5bdb">' +
  '<circle cx="12" cy="7.5" r="4.5"/><path d="M3 22c0-5 4-8 9-8s9 3 9 8z"/></svg>';
const graphiqlRoot = '<div id="root"></div>';
const graphiqlPackage = '@graphql-yoga/render-graphiql';
const notInstalled =
  `The explorer is not available: the optional npm package ${graphiqlPackage} is not installed.\n` +
  'Install it with: npm ci --include=optional\n' +
  'The GraphQL API itself is at POST /graphql.\n';

/**
 * Adds `GET /`: GraphiQL with an example for each operation and a token field, as one self-contained document.
 * Responds with 501 and a text that names the missing package when GraphiQL is not installed.
 */
export function addExplorerRoute(app: FastifyInstance, options: ExplorerOptions): void {
  // The page has nine megabytes, so it is rendered on the first request and not at start.
  let page: Promise<ExplorerPage> | undefined;

  app.get('/', async (request, reply) => {
    if (!isGraphiqlInstalled()) return reply.code(501).type('text/plain; charset=utf-8').send(notInstalled);
    page ??= renderExplorer(options);
    const { body, etag, contentSecurityPolicy } = await page;
    void reply.headers({
      etag,
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      // GraphiQL keeps the query in the URL, and the query may contain an e-mail address.
      'referrer-policy': 'no-referrer',
    });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(body);
  });
}

function isGraphiqlInstalled(): boolean {
  try {
    require.resolve(graphiqlPackage);
    return true;
  } catch {
    return false;
  }
}

/**
 * Renders GraphiQL's page with the explorer's bar above it.
 *
 * @throws Error if an update of GraphiQL has changed the structure of its page
 */
async function renderExplorer(options: ExplorerOptions): Promise<ExplorerPage> {
  const { title = 'User Service', groups = explorerGroups } = options;
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const graphiql = renderGraphiQL({
    title,
    logo: logoSvg,
    favicon: `data:image/svg+xml,${encodeURIComponent(logoSvg)}`,
    endpoint: '/graphql',
    shouldPersistHeaders: false,
    defaultTabs: examplesOf(groups).map(({ query, variables }) => ({
      query,
      variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
    })),
  });
  const [before, after, ...rest] = graphiql.split(graphiqlRoot);
  if (before === undefined || after === undefined || rest.length > 0) {
    throw new Error(
      'GraphiQL’s page must contain exactly one root element, before which the explorer’s bar is inserted',
    );
  }
  const bar = `<style>${explorerBarCss}</style>${explorerBarHtml({ ...options, title, groups })}<script>{${explorerBarScript}}</script>`;
  const html = `${before}${bar}${graphiqlRoot}${after}`;
  const graphiqlScript = after.slice(
    after.indexOf('<script>') + '<script>'.length,
    after.lastIndexOf('</script>'),
  );
  const scripts = [`{${explorerBarScript}}`, graphiqlScript];
  const body = Buffer.from(html);
  return {
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    contentSecurityPolicy: contentSecurityPolicy(scripts),
  };
}

/** Returns a policy that allows only these scripts, and connections only to this server. */
function contentSecurityPolicy(scripts: string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    // The editor adds styles at run time and starts its workers from blobs.
    "style-src 'unsafe-inline'",
    'worker-src blob:',
    'font-src data:',
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
