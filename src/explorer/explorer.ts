import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { explorerBarCss, explorerBarHtml, explorerBarScript } from './explorer-bar';
import { explorerExamples } from './explorer-examples';

interface ExplorerPage {
  body: Buffer;
  etag: string;
  contentSecurityPolicy: string;
}

const logoSvg =
  '<svg viewBox="0 0 24 24" width="24" height="24" xmlns="http://www.w3.org/2000/svg" fill="#3b5bdb">' +
  '<circle cx="12" cy="7.5" r="4.5"/><path d="M3 22c0-5 4-8 9-8s9 3 9 8z"/></svg>';
const placeOfGraphiql = '<div id="root"></div>';

/** Adds `GET /`: GraphiQL with an example for every operation and a field for the token, all in one document. */
export function addExplorerRoute(app: FastifyInstance, asksForRouterProof: boolean): void {
  // Nine megabytes: made at the first visit, so that a server nobody explores never holds them.
  let page: Promise<ExplorerPage> | undefined;

  app.get('/', async (request, reply) => {
    page ??= renderExplorer(asksForRouterProof);
    const { body, etag, contentSecurityPolicy } = await page;
    void reply.headers({
      etag,
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      // GraphiQL keeps the query in the address, which may hold an e-mail address.
      'referrer-policy': 'no-referrer',
    });
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(body);
  });
}

async function renderExplorer(asksForRouterProof: boolean): Promise<ExplorerPage> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const graphiql = renderGraphiQL({
    title: 'User Service',
    logo: logoSvg,
    favicon: `data:image/svg+xml,${encodeURIComponent(logoSvg)}`,
    endpoint: '/graphql',
    shouldPersistHeaders: false,
    defaultTabs: explorerExamples.map(({ query, variables }) => ({
      query,
      variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
    })),
  });
  const [before, after, ...rest] = graphiql.split(placeOfGraphiql);
  if (before === undefined || after === undefined || rest.length > 0) {
    throw new Error('GraphiQL’s page has changed: there is no single place for the explorer’s bar');
  }
  const bar = `<style>${explorerBarCss}</style>${explorerBarHtml(asksForRouterProof)}<script>{${explorerBarScript}}</script>`;
  const html = `${before}${bar}${placeOfGraphiql}${after}`;
  const scripts = [
    `{${explorerBarScript}}`,
    after.slice(after.indexOf('<script>') + 8, after.lastIndexOf('</script>')),
  ];
  const body = Buffer.from(html);
  return {
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url')}"`,
    contentSecurityPolicy: contentSecurityPolicy(scripts),
  };
}

/** Only these scripts run, and they talk to this server only. */
function contentSecurityPolicy(scripts: string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    // The editor writes its styles at run time, and starts its workers from the document's own text.
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
