import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { freePort } from '../testkit/redis-server';
import { createUser } from '../testkit/users';

const statusOf = async (url: string) => (await fetch(url)).status;
const linkOf = `query ($id: ID!) { userEmailPreferences(userId: $id) { unsubscribeUrl(topic: NEWSLETTER) } }`;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: { host: '0.0.0.0' } });
});
afterAll(() => app.stop());

it('without PUBLIC_URL, unsubscribeUrl never names the address 0.0.0.0', async () => {
  const { id } = await createUser(app);
  const { data } = await app.graphql(linkOf, { id }, { token: app.staff });
  expect(data.userEmailPreferences.unsubscribeUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/unsubscribe\//);
});

it('without PUBLIC_URL, unsubscribeUrl is null in production, with one warning', async () => {
  const productive = await startTestApp({ config: { production: true }, replicaOf: app });
  const { id } = await createUser(productive);
  for (let call = 0; call < 2; call += 1) {
    const { data, errors } = await productive.graphql(linkOf, { id }, { token: productive.staff });
    expect([data.userEmailPreferences.unsubscribeUrl, errors]).toEqual([null, []]);
  }
  const warnings = productive.logged.filter(
    ({ level, msg }) => level === 'warn' && /PUBLIC_URL/.test(String(msg)),
  );
  expect(warnings).toHaveLength(1);
  await productive.stop();
});

it('OPTIONS responds 204 with the methods, and a subscription responds 400', async () => {
  const options = await fetch(`${app.url}/graphql`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  const { status, errors } = await app.graphql('subscription { __typename }', {}, { token: app.staff });
  expect([status, errors.map(({ message }) => message)]).toEqual([
    400,
    [expect.stringMatching(/subscription/)],
  ]);
});

it('with MANAGEMENT_PORT, metrics respond only there and health on both ports', async () => {
  const managementPort = await freePort();
  const { url, stop } = await startTestApp({ config: { managementPort }, replicaOf: app });
  const management = `http://127.0.0.1:${managementPort}`;
  await eventually(async () => expect(await statusOf(`${management}/health/ready`)).toBe(200));
  const statuses = {
    live: [await statusOf(`${management}/health/live`), await statusOf(`${url}/health/live`)],
    metrics: [await statusOf(`${management}/metrics`), await statusOf(`${url}/metrics`)],
    graph: await statusOf(`${management}/graphql`),
  };
  await stop();
  expect(statuses).toEqual({ live: [200, 200], metrics: [200, 404], graph: 404 });
  await expect(fetch(`${management}/health/live`)).rejects.toThrow();
});
