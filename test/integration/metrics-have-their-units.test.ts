import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createUser } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

/** The values of a metric's samples. */
async function valuesOf(metric: string): Promise<number[]> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}
const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);

const usersQuery = '{ users(first: 1) { nodes { id } } }';
const entitiesQuery = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id } } }`;

describe('the histogram', () => {
  it.each([
    'user_service_graphql_duration_seconds',
    'user_service_entities_duration_seconds',
    'user_service_events_publish_delay_seconds',
  ])('%s counts seconds', async (metric) => {
    const startedAt = performance.now();
    const { id } = await createUser(app);
    const r = [{ __typename: 'User', id }];
    // Runs prepared from the third time on, and is recorded elsewhere then.
    for (let run = 0; run < 4; run += 1)
      for (const query of [usersQuery, entitiesQuery]) await app.graphql(query, { r }, { token: app.staff });
    await eventually(async () => expect(total(await valuesOf(`${metric}_count`))).toBeGreaterThan(0));
    const elapsedSeconds = (performance.now() - startedAt) / 1_000;
    const seconds = total(await valuesOf(`${metric}_sum`)) / total(await valuesOf(`${metric}_count`));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(elapsedSeconds + 1);
  });
});
