import { startTestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { freePort } from '../testkit/redis-server';
import { createUser } from '../testkit/users';

const statusOf = async (url: string) => (await fetch(url)).status;

it('with MANAGEMENT_PORT, metrics respond only there and health on both ports', async () => {
  const managementPort = await freePort();
  const app = await startTestApp({ config: { managementPort } });
  const management = `http://127.0.0.1:${managementPort}`;
  await eventually(async () => expect(await statusOf(`${management}/health/ready`)).toBe(200));
  const statuses = {
    live: [await statusOf(`${management}/health/live`), await statusOf(`${app.url}/health/live`)],
    metrics: [await statusOf(`${management}/metrics`), await statusOf(`${app.url}/metrics`)],
    graph: await statusOf(`${management}/graphql`),
  };
  await app.stop();
  expect(statuses).toEqual({ live: [200, 200], metrics: [200, 404], graph: 404 });
  await expect(fetch(`${management}/health/live`)).rejects.toThrow();
});

const linkOf = `query ($id: ID!) { userEmailPreferences(userId: $id) { unsubscribeUrl(topic: NEWSLETTER) } }`;

it('without PUBLIC_URL, unsubscribeUrl is null in production, with one warning', async () => {
  const app = await startTestApp({ config: { production: true } });
  const { id } = await createUser(app);
  for (let call = 0; call < 2; call += 1) {
    const { data, errors } = await app.graphql(linkOf, { id }, { token: app.staff });
    expect([data.userEmailPreferences.unsubscribeUrl, errors]).toEqual([null, []]);
  }
  const warnings = app.logged.filter(({ level, msg }) => level === 'warn' && /PUBLIC_URL/.test(String(msg)));
  expect(warnings).toHaveLength(1);
  await app.stop();
});

it('without PUBLIC_URL, unsubscribeUrl never names the address 0.0.0.0', async () => {
  const app = await startTestApp({ config: { host: '0.0.0.0' } });
  const { id } = await createUser(app);
  const { data } = await app.graphql(linkOf, { id }, { token: app.staff });
  expect(data.userEmailPreferences.unsubscribeUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/unsubscribe\//);
  await app.stop();
});

it('OPTIONS responds 204 with the methods, and a subscription responds 400', async () => {
  const app = await startTestApp();
  const options = await fetch(`${app.url}/graphql`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  const { status, errors } = await app.graphql('subscription { __typename }', {}, { token: app.staff });
  expect([status, errors.map(({ message }) => message)]).toEqual([
    400,
    [expect.stringMatching(/subscription/)],
  ]);
  await app.stop();
});
