import { type ExplorerGroup, exampleUserId } from './explorer-examples';
import { explorerPeople } from './explorer-people';

/** Styles of the bar above GraphiQL, where the user chooses a caller and an example. */
export const explorerBarCss = `
  body { display: flex; flex-direction: column; height: 100vh; margin: 0; }
  #root { flex: 1; min-height: 0; }
  .graphiql-container { height: 100%; }
  .graphiql-logo { display: none; }
  /* Without this a tab moves while the mouse button is down on it, and the click is lost. */
  .graphiql-tab { transform: none !important; }
  .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 8px 16px;
    font: 14px/1.4 system-ui, sans-serif; color: #1f2430; background: #eef1f7; border-bottom: 1px solid #cbd2e0; }
  .bar strong { font-size: 16px; margin-right: 12px; }
  .bar label { font-weight: 600; }
  .bar input { flex: 1 1 260px; min-width: 160px; padding: 6px 8px; font: 13px ui-monospace, monospace;
    color: inherit; background: #fff; border: 1px solid #9aa5bd; border-radius: 4px; }
  .bar output { flex: 0 1 auto; }
  .bar output.good { color: #13602b; }
  .bar output.bad { color: #a01c1c; }
  .bar p { flex: 1 0 100%; margin: 0; color: #4a5368; }
  .bar code { padding: 1px 4px; font: 12px ui-monospace, monospace; color: #1f2430; background: #dde3ef;
    border-radius: 3px; user-select: all; }
  .bar fieldset { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; margin: 0; padding: 0; border: 0; }
  .bar legend { float: left; padding: 0; margin-right: 4px; font-weight: 600; }
  .bar button { padding: 4px 10px; font: inherit; color: inherit; background: #fff; border: 1px solid #9aa5bd;
    border-radius: 4px; cursor: pointer; }
  .bar button[aria-pressed=true] { color: #fff; background: #3b5bdb; border-color: #3b5bdb; }
  .graphiql-tab[data-group] { margin-left: 8px; }
  .graphiql-tab[data-group]::before { content: attr(data-group); align-self: center; padding: 0 6px;
    font: 600 12px system-ui, sans-serif; color: #3b5bdb; }
  .graphiql-response { position: relative; }
  body:not([data-ran]) .graphiql-response::after { content: 'Get a token above, then press \\25B6  or Ctrl+Enter to run the example.';
    position: absolute; inset: 40% 10% auto; text-align: center; font: 15px/1.5 system-ui, sans-serif; color: #4a5368; }
`;

const routerSecretField = `
    <label for="router-secret">Router secret</label>
    <input id="router-secret" type="password" placeholder="one of the secrets in ROUTER_SECRET" />`;

export interface ExplorerBar {
  readonly title: string;
  readonly groups: readonly ExplorerGroup[];
  readonly asksForRouterProof: boolean;
  readonly issuesTokens: boolean;
}

/**
 * Returns the bar: buttons for callers if the service issues tokens, a field for any other token, one for a router
 * secret if the service requires the router's proof, and a button for each group of examples.
 */
export function explorerBarHtml({ title, groups, asksForRouterProof, issuesTokens }: ExplorerBar): string {
  const people = explorerPeople.map(
    ({ name, sub, scope }) =>
      `<button type="button" data-sub="${sub}" data-scope="${scope}">${name}</button>`,
  );
  const topics = groups.map(
    (group) => `<button type="button" data-tab="${firstTabOf(group)}">${group.title}</button>`,
  );
  return `
  <form class="bar" autocomplete="off">
    <strong>${title}</strong>${issuesTokens ? buttons('Call as', 'people', people) : ''}
    <label for="token">Access token</label>
    <input id="token" type="text" spellcheck="false" placeholder="paste a token; it stays in this browser tab" />
    <output id="token-state" for="token"></output>${asksForRouterProof ? routerSecretField : ''}
    ${buttons('Examples', 'topics', topics)}
    <p>${issuesTokens ? tokenCommand : ''}
      Each tab holds an example. Press Ctrl+Enter to run it.</p>
  </form>
`;
}

const tokenCommand = `A token for all examples: <code>npx user-service token --sub ${exampleUserId} --scope "users:read users:write"</code>`;

const buttons = (legend: string, id: string, list: readonly string[]) =>
  `<fieldset id="${id}"><legend>${legend}</legend>${list.join('')}</fieldset>`;

/** Returns the name of the group's first operation, which GraphiQL shows as the title of its tab. */
function firstTabOf({ examples: [first] }: ExplorerGroup): string {
  return /^(?:query|mutation) (\w+)/m.exec(first?.query ?? '')?.[1] ?? '';
}

/** Runs before GraphiQL, so that GraphiQL's first request carries the token. */
export const explorerBarScript = `
  const input = document.getElementById('token');
  const state = document.getElementById('token-state');
  const routerSecret = document.getElementById('router-secret');
  input.form.addEventListener('submit', (event) => event.preventDefault());
  input.value = sessionStorage.getItem('user-service:token') ?? '';

  const token = () => input.value.trim().replace(/^Bearer\\s+/i, '');

  function describe(text) {
    if (text === '') return ['', 'No token: only public fields are returned'];
    try {
      const payload = text.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
      const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
      const claims = JSON.parse(new TextDecoder().decode(bytes));
      const until = new Date(claims.exp * 1000);
      const who = claims.sub + (claims.scope ? ' with ' + claims.scope : ' without scopes');
      if (until <= new Date()) return ['bad', 'Expired at ' + until.toLocaleTimeString() + ': ' + who];
      return ['good', who + ', until ' + until.toLocaleTimeString()];
    } catch {
      return ['bad', 'Not a valid token'];
    }
  }

  function show() {
    sessionStorage.setItem('user-service:token', token());
    const [kind, text] = describe(token());
    state.className = kind;
    state.textContent = text;
  }
  if (routerSecret) {
    routerSecret.value = sessionStorage.getItem('user-service:router-secret') ?? '';
    routerSecret.addEventListener('input', () => sessionStorage.setItem('user-service:router-secret', routerSecret.value));
  }
  input.addEventListener('input', show);
  setInterval(show, 30000);
  show();

  const callers = document.querySelectorAll('[data-sub]');
  const press = (pressed) => callers.forEach((button) => button.setAttribute('aria-pressed', button === pressed));
  input.addEventListener('input', () => press(null));
  for (const button of callers) button.addEventListener('click', async () => {
    const { sub, scope } = button.dataset;
    const headers = { 'content-type': 'application/json' };
    const response = await send('/development/tokens', { method: 'POST', headers, body: JSON.stringify({ sub, scope }) });
    const result = await response.json();
    if (!response.ok) return void ([state.className, state.textContent] = ['bad', result.errors[0].message]);
    input.value = result.token;
    show();
    press(button);
  });

  const tabs = () => [...document.querySelectorAll('.graphiql-tab-button')];
  for (const button of document.querySelectorAll('[data-tab]')) button.addEventListener('click', () => {
    const tab = tabs().find(({ textContent }) => textContent === button.dataset.tab);
    tab?.click();
    tab?.scrollIntoView({ inline: 'start', block: 'nearest' });
  });
  // React creates the tabs, also again when one is closed or moved.
  new MutationObserver(() => {
    for (const tab of tabs()) {
      const topic = document.querySelector('[data-tab="' + CSS.escape(tab.textContent) + '"]');
      const { dataset } = tab.closest('.graphiql-tab');
      if (dataset.group !== topic?.textContent) topic ? (dataset.group = topic.textContent) : delete dataset.group;
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });

  const send = window.fetch;
  window.fetch = (resource, options = {}) => {
    if (!String(options.body).includes('IntrospectionQuery')) document.body.dataset.ran = '';
    const headers = new Headers(options.headers);
    if (token() !== '' && !headers.has('authorization')) headers.set('authorization', 'Bearer ' + token());
    if (routerSecret?.value) headers.set('router-authorization', routerSecret.value);
    return send(resource, { ...options, headers });
  };
`;
