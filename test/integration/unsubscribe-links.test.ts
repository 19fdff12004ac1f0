import { openDatabase } from '../../src/data-source';
import { DatabaseUnavailableError } from '../../src/postgres/database-unavailable';
import { createServiceLog } from '../../src/service-log';
import { SigningKeys } from '../../src/users/signing-keys';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { all, choicesOf, click, createSubscriber, oneClick, pathFor, topics } from '../testkit/unsubscribe';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: { publicUrl: 'https://mail.example.org/users' } });
});
afterAll(() => app.stop());

describe('an unsubscribe link', () => {
  it.each(topics)('turns off only %s, without an access token or a cookie', async (topic) => {
    const id = await createSubscriber(app);
    const response = await click(app, await pathFor(app, id, topic));
    expect([response.status, response.headers.get('set-cookie')]).toEqual([200, null]);
    expect(await choicesOf(app, id)).toEqual({ ...all, [topic]: false });
  });

  it('writes ledger, version, event, history, audit entry and cache like a mutation', async () => {
    const id = await createSubscriber(app);
    const path = await pathFor(app, id, 'newsletter');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect((await click(app, path, { headers: { traceparent } })).status).toBe(200);
    const [last] = await app.sql(
      'SELECT topic, granted, source, wording_version, actor_id FROM email_preference_decisions WHERE user_id = $1 ORDER BY decided_at DESC LIMIT 1',
      [id],
    );
    expect(last).toEqual({
      topic: 'newsletter',
      granted: false,
      source: 'one-click',
      wording_version: null,
      actor_id: 'unsubscribe-link',
    });
    expect((await eventsOf(app, id)).at(-1)).toMatchObject({
      type: 'UserEmailPreferencesUpdated',
      version: 3,
      data: { ...all, newsletter: false },
    });
    expect(
      await app.sql('SELECT traceparent FROM outbox_events WHERE user_id = $1 AND version = 3', [id]),
    ).toEqual([{ traceparent }]);
    expect(
      await app.sql(
        `SELECT fields FROM audit_entries WHERE user_id = $1 AND actor_id = 'unsubscribe-link'
           AND action = 'EMAIL_PREFERENCES_UPDATED'`,
        [id],
      ),
    ).toEqual([{ fields: expect.arrayContaining(['newsletter']) }]);
    const { data } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { version emailPreferences { newsletter marketing } history { nodes { type } } } }',
      { id },
      { token: app.staff },
    );
    expect(data.user).toMatchObject({ version: 3, emailPreferences: { newsletter: false, marketing: true } });
    expect(data.user.history.nodes[0]).toEqual({ type: 'EMAIL_PREFERENCES_UPDATED' });
  });

  it('has one effect in concurrent and repeated requests', async () => {
    const id = await createSubscriber(app);
    const path = await pathFor(app, id, 'loyalty');
    // A busy PostgreSQL may cause 503; a mail program then retries.
    const clickWithRetry = () => eventually(async () => expect((await click(app, path)).status).toBe(200));
    await Promise.all(Array.from({ length: 5 }, clickWithRetry));
    const before = await countRows(app);
    expect((await click(app, path)).status).toBe(200);
    expect(await countRows(app)).toEqual(before);
    const decisions = await app.sql(
      `SELECT 1 FROM email_preference_decisions WHERE user_id = $1 AND source = 'one-click'`,
      [id],
    );
    expect(decisions).toHaveLength(1);
    expect(
      (await eventsOf(app, id)).filter(({ type }) => type === 'UserEmailPreferencesUpdated'),
    ).toHaveLength(2);
    // A link works again after the topic was turned on.
    await mutate(app, 'updateEmailPreferences', { userId: id, loyalty: true });
    expect((await click(app, path)).status).toBe(200);
    expect(await choicesOf(app, id)).toEqual({ ...all, loyalty: false });
  });

  it('records a decision for a topic that was off by default', async () => {
    const { id } = await createUser(app);
    expect((await click(app, await pathFor(app, id, 'marketing'))).status).toBe(200);
    expect(
      await app.sql('SELECT topic, granted, source FROM email_preference_decisions WHERE user_id = $1', [id]),
    ).toEqual([{ topic: 'marketing', granted: false, source: 'one-click' }]);
    // The decision about the one topic is none about the other.
    await click(app, await pathFor(app, id, 'newsletter'));
    expect(
      await app.sql('SELECT topic FROM email_preference_decisions WHERE user_id = $1 ORDER BY decided_at', [
        id,
      ]),
    ).toEqual([{ topic: 'marketing' }, { topic: 'newsletter' }]);
  });

  it('accepts both form encodings of RFC 8058', async () => {
    const multipart = new FormData();
    multipart.set('List-Unsubscribe', 'One-Click');
    const id = await createSubscriber(app);
    expect((await click(app, await pathFor(app, id, 'marketing'), { body: multipart })).status).toBe(200);
    expect((await click(app, await pathFor(app, id, 'newsletter'), { body: oneClick() })).status).toBe(200);
    expect(await choicesOf(app, id)).toEqual({ ...all, marketing: false, newsletter: false });
  });

  it('responds to GET and HEAD with a page with a button, and changes nothing', async () => {
    const id = await createSubscriber(app);
    const path = await pathFor(app, id, 'recommendations');
    const before = await countRows(app);
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(app.url + path, { method, redirect: 'error' });
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
      const page = await response.text();
      if (method === 'GET')
        expect(page).toContain('<form method="post"><button name="List-Unsubscribe" value="One-Click">');
      for (const secret of [id, 'Ada', 'Lovelace', 'example.com']) expect(page).not.toContain(secret);
    }
    expect(await countRows(app)).toEqual(before);
    expect(await choicesOf(app, id)).toEqual(all);
  });

  it('works for a deactivated user without reactivating it', async () => {
    const id = await createSubscriber(app);
    await mutate(app, 'deactivateUser', { userId: id });
    expect((await click(app, await pathFor(app, id, 'marketing'))).status).toBe(200);
    expect(await choicesOf(app, id)).toEqual({ ...all, marketing: false });
    expect(await app.sql('SELECT status FROM users WHERE id = $1', [id])).toEqual([
      { status: 'DEACTIVATED' },
    ]);
  });

  it('responds the same for a pending or erased user, and writes nothing', async () => {
    const [kept, erased, pending] = [
      await createSubscriber(app),
      await createSubscriber(app),
      await createUser(app),
    ];
    const paths = await Promise.all([kept, erased, pending.id].map((id) => pathFor(app, id, 'marketing')));
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [pending.id]);
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId: erased }, officer);
    const known = await click(app, paths[0] as string);
    const [status, page] = [known.status, await known.text()];
    const before = await countRows(app);
    for (const path of paths.slice(1)) {
      const response = await click(app, path);
      expect([response.status, await response.text()]).toEqual([status, page]);
    }
    expect(await countRows(app)).toEqual(before);
    expect((await choicesOf(app, pending.id))['marketing']).toBe(false);
    expect(
      await app.sql('SELECT 1 FROM email_preference_decisions WHERE user_id = $1', [pending.id]),
    ).toEqual([]);
  });

  it('is readable for users:read and oneself, the same each time, and starts with PUBLIC_URL', async () => {
    const { id } = await createUser(app);
    const own = await pathFor(app, id, 'newsletter', await app.token({ sub: id }));
    expect(await pathFor(app, id, 'newsletter')).toBe(own);
    expect(await pathFor(app, id, 'newsletter', await app.token({ sub: 'mail', scope: 'users:read' }))).toBe(
      own,
    );
    const query =
      'query ($id: ID!) { user(id: $id) { emailPreferences { unsubscribeUrl(topic: LOYALTY) } } }';
    const { data } = await app.graphql(query, { id }, { token: app.staff });
    expect(data.user.emailPreferences.unsubscribeUrl).toMatch(
      /^https:\/\/mail\.example\.org\/users\/unsubscribe\/[\w.-]+$/,
    );
    const stranger = await app.graphql(query, { id }, { token: await app.token({ sub: 'stranger' }) });
    expect(stranger.data.user.emailPreferences).toBeNull();
  });

  it('is never logged', async () => {
    const id = await createSubscriber(app);
    const path = await pathFor(app, id, 'newsletter');
    await click(app, path);
    await fetch(app.url + path);
    await click(app, `${path}x`);
    expect(JSON.stringify(app.logged)).not.toContain(path.split('.')[1]);
  });
});

it('a signing key that could not be read is read again by the next call', async () => {
  const database = openDatabase(app.databaseUrl, createServiceLog({ level: 'silent' }), 1);
  const keys = new SigningKeys(database);
  await expect(keys.get('unsubscribe')).rejects.toThrow(DatabaseUnavailableError);
  await database.connect();
  try {
    const [stored] = await app.sql(
      `SELECT generation, key FROM signing_keys WHERE purpose = 'unsubscribe' ORDER BY generation DESC LIMIT 1`,
    );
    expect(stored).toBeDefined();
    expect(await keys.get('unsubscribe')).toEqual(stored);
  } finally {
    await database.close();
  }
});

it('an unsubscribe link works on every replica after key rotation, next to links of the new key', async () => {
  const secret = 'router-secret-of-this-test';
  const id = await createSubscriber(app);
  const [old, older] = [await pathFor(app, id, 'newsletter'), await pathFor(app, id, 'marketing')];
  await app.sql(
    `INSERT INTO signing_keys (purpose, generation, key, created_at)
     SELECT purpose, generation + 1, sha256(key), now() FROM signing_keys WHERE purpose = 'unsubscribe'`,
  );
  const replica = await startTestApp({ replicaOf: app, config: { routerSecrets: [secret] } });
  try {
    const { data } = await replica.graphql(
      'query ($id: ID!) { userEmailPreferences(userId: $id) { unsubscribeUrl(topic: LOYALTY) } }',
      { id },
      { token: app.staff, headers: { 'router-authorization': secret } },
    );
    // Without PUBLIC_URL, the link has the address of the replica.
    const fresh = new URL(data.userEmailPreferences.unsubscribeUrl);
    expect(fresh.origin).toBe(replica.url);
    const header = Buffer.from(fresh.pathname.split('/')[2]?.split('.')[0] as string, 'base64url').toString();
    expect(JSON.parse(header).kid).toBe('2');

    expect((await click(app, old)).status).toBe(200);
    // Mail programs send no router's proof, so none is required.
    const elsewhere = await fetch(replica.url + older, { method: 'POST', body: oneClick() });
    expect(elsewhere.status).toBe(200);
    expect((await click(app, fresh.pathname)).status).toBe(200);
    expect(await choicesOf(app, id)).toEqual({ ...all, newsletter: false, marketing: false, loyalty: false });
  } finally {
    await replica.stop();
  }
});
