import { exampleUserId } from './explorer-examples';

/** Styles of the bar above GraphiQL, where the user pastes an access token. */
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
`;

const routerSecretField = `
    <label for="router-secret">Router secret</label>
    <input id="router-secret" type="password" placeholder="one of the secrets in ROUTER_SECRET" />`;

/** Returns the bar. It has a field for a router secret if the service requires the router's proof. */
export const explorerBarHtml = (asksForRouterProof: boolean): string => `
  <form class="bar" autocomplete="off">
    <strong>User Service</strong>
    <label for="token">Access token</label>
    <input id="token" type="text" spellcheck="false" placeholder="paste a token; it stays in this browser tab" />
    <output id="token-state" for="token"></output>${asksForRouterProof ? routerSecretField : ''}
    <p>To get a token for all examples: <code>npx user-service token --sub ${exampleUserId} --scope "users:read users:write"</code>
      Each tab holds an example. Press Ctrl+Enter to run it.</p>
  </form>
`;

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

  const send = window.fetch;
  window.fetch = (resource, options = {}) => {
    const headers = new Headers(options.headers);
    if (token() !== '' && !headers.has('authorization')) headers.set('authorization', 'Bearer ' + token());
    if (routerSecret?.value) headers.set('router-authorization', routerSecret.value);
    return send(resource, { ...options, headers });
  };
`;
