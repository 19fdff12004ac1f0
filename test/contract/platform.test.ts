import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import httpTransport from '@graphql-mesh/transport-http';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config';
import { compose, readRoverConfiguration } from '../../supergraph/composition';
import { send } from '../testkit/app';
import { startProgrammableServer } from '../testkit/programmable-server';

const top = resolve(__dirname, '../..');
const read = (name: string): unknown => parse(readFileSync(join(top, name), 'utf8'), { merge: true });

interface ComposeService {
  readonly image: string;
  readonly build?: string | object;
  readonly command?: string[];
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly restart?: string;
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

const platform = read('compose.yaml') as {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
};
const services = Object.entries(platform.services);
const service = (name: string) => platform.services[name] as ComposeService;
const backing = (read('compose.test.yaml') as typeof platform).services;

describe('compose.yaml', () => {
  it('publishes the service, the router, Prometheus, Grafana and traces on the loopback address only', () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports);
    expect(ports.filter((port) => !/^127\.0\.0\.1:(\d+):\1$/.test(port))).toEqual([]);
    const published = ports.map((port) => Number(port.split(':')[1]));
    expect(published).toEqual(expect.arrayContaining([4001, 4000, 9090, 3000, 16_686]));
  });

  it('pins every image by an exact version', () => {
    const images = [...services, ...Object.entries(backing)].map(([, { image }]) => image);
    expect(
      images.filter((image) => !/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(image) && !image.endsWith(':local')),
    ).toEqual([]);
    expect(service('migrate').build).toBe('.');
    expect(service('reviews').build).toEqual({ context: '.', target: 'neighbours' });
    for (const name of ['postgres', 'redis']) expect(backing[name]?.image).toBe(service(name).image);
  });

  it('checks the health of every service that runs on, except one whose image has no program for it', () => {
    const unchecked = services
      .filter(([, it]) => !it.healthcheck && it.restart !== 'no')
      .map(([name]) => name);
    expect(unchecked).toEqual(['collector']);
  });

  it('starts a service after those it needs are healthy, or have ended', () => {
    for (const [, { depends_on = {} }] of services)
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const needed = service(name);
        const possible = needed.restart === 'no' ? 'service_completed_successfully' : 'service_healthy';
        expect({ name, condition }).toEqual({
          name,
          condition: needed.healthcheck || needed.restart === 'no' ? possible : 'service_started',
        });
      }
    expect(Object.keys(service('user-service').depends_on ?? {})).toEqual(['grant', 'redis', 'rabbitmq']);
  });

  it('runs the subgraphs of the supergraph at the ports that the router calls', () => {
    const supergraph = readFileSync(join(top, 'deploy/router/supergraph.graphql'), 'utf8');
    const urls = [...supergraph.matchAll(/@join__graph\(name: "\w+", url: "([^"]+)"\)/g)];
    expect(urls.map(([, url]) => url)).toEqual([
      'http://orders:4003/graphql',
      'http://reviews:4002/graphql',
      'http://user-service:4001/graphql',
    ]);
    for (const name of ['reviews', 'orders']) {
      const { command, environment } = service(name);
      expect(command).toEqual([name]);
      expect(`http://${name}:${environment?.['PORT']}/graphql`).toBe(
        urls.find(([, url]) => url?.includes(name))?.[1],
      );
    }
  });

  it.each([
    ['reviews', '{ topReviews(first: 1) { id } }', { topReviews: [{ id: 'review-1' }] }],
    [
      'orders',
      '{ _entities(representations: [{ __typename: "Order", id: "x" }]) { __typename } }',
      { _entities: [null] },
    ],
  ])('runs the subgraph %s by the program of its image', async (name, query, data) => {
    const amqpUrl = process.env['TEST_AMQP_URL'];
    const program = spawn(process.execPath, ['scripts/run.cjs', 'supergraph/neighbour.ts', name], {
      cwd: top,
      env: { ...(amqpUrl && { AMQP_URL: amqpUrl }) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(program, 'exit');
    try {
      const [url] = (await once(program.stdout, 'data')) as [Buffer];
      expect(
        (
          await send(
            String(url)
              .trim()
              .replace(/\/graphql$/, ''),
            { query },
          )
        ).data,
      ).toEqual(data);
    } finally {
      program.kill('SIGTERM');
    }
    expect(await exited).toEqual([0, null]);
  });

  it('mounts only files of the repository and volumes that it declares', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes).map((it) => it.split(':')[0] ?? '');
    expect(sources.length).toBeGreaterThan(8);
    const missing = sources.filter((source) =>
      source.startsWith('./') ? !existsSync(join(top, source)) : !(source in platform.volumes),
    );
    expect(missing).toEqual([]);
  });

  it('gives the service settings that it accepts, the secret of the router and the role without ownership', () => {
    const { environment = {} } = service('user-service');
    const config = loadConfig(environment);
    expect(config).toMatchObject({ port: 4001, managementPort: 9464, production: false });
    expect(config.routerSecrets).toEqual([service('router').environment?.['ROUTER_SECRET']]);
    expect(environment['DATABASE_URL']).toContain('//user_service_app:');
    expect(service('migrate').environment?.['DATABASE_URL']).toContain('//owner:');
    const role = readFileSync(join(top, 'docs/application-role.sql'), 'utf8');
    expect(role).toContain('TO user_service_app;');
  });

  it('lets Prometheus scrape the management port, and Grafana read Prometheus and the traces', () => {
    const { scrape_configs, rule_files } = read('deploy/prometheus/prometheus.yaml') as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
      rule_files: string[];
    };
    expect(scrape_configs[0]?.static_configs[0]?.targets).toEqual(['user-service:9464']);
    expect(rule_files).toEqual(['user-service.rules.yaml']);
    const { datasources } = read('deploy/grafana/provisioning/datasources/datasources.yaml') as {
      datasources: { url: string }[];
    };
    expect(datasources.map(({ url }) => new URL(url).hostname)).toEqual(['prometheus', 'collector']);
  });

  const compose = spawnSync('docker', ['compose', 'version']).status === 0;
  it(`${compose ? 'passes docker compose config' : 'would be checked by docker compose, which is not installed here'}`, () => {
    if (!compose) return;
    for (const file of ['compose.yaml', 'compose.test.yaml'])
      expect(
        spawnSync('docker', ['compose', '--file', file, 'config', '--quiet'], { cwd: top, encoding: 'utf8' }),
      ).toMatchObject({ status: 0 });
  });
});

describe('the configuration of the router', () => {
  const router = read('deploy/router/router.yaml') as {
    headers: Record<string, unknown>;
    limits: Record<string, number>;
    traffic_shaping: { subgraphs: { users: { timeout: string } } };
    telemetry: object;
  };

  it('removes a proof that a client sends, and sends its own to the service only', () => {
    expect(router.headers).toMatchObject({
      all: { request: expect.arrayContaining([{ remove: { named: 'router-authorization' } }]) },
      subgraphs: {
        users: {
          request: expect.arrayContaining([
            { propagate: { named: 'authorization' } },
            { insert: { name: 'router-authorization', value: '${env.ROUTER_SECRET}' } },
          ]),
        },
      },
    });
  });

  it('has the limits of the service and waits longer than the service takes', () => {
    const { limits } = loadConfig({});
    expect(router.limits).toEqual({
      http_max_request_bytes: 256 * 1024,
      parser_max_tokens: limits.tokens,
    });
    expect(router.traffic_shaping.subgraphs.users.timeout).toBe('5s');
    const { demand_control: demand } = read('deploy/router/router.graphos.yaml') as {
      demand_control: { strategy: { static_estimated: { max: number; list_size: number } } };
    };
    expect(demand.strategy.static_estimated.max).toBe(limits.cost);
    const hive = readFileSync(join(top, 'deploy/router/gateway.config.ts'), 'utf8');
    expect(hive).toContain(`maxTokens: ${limits.tokens}`);
    expect(hive).toContain(`maxDepth: ${limits.depth}`);
  });
});

describe('gateway.config.ts', () => {
  it('sends its proof to the service only, no empty Authorization, and errors that quote no request', async () => {
    const subgraph = await startProgrammableServer(({ path }) =>
      path === '/reviews'
        ? { status: 200, body: { data: { topReviews: [{ author: { __typename: 'User', id: 'a' } }] } } }
        : 'freeze',
    );
    const { subgraphs } = readRoverConfiguration();
    const supergraph = compose(subgraphs.map((one) => ({ ...one, url: `${subgraph.url}${one.name}` })));
    process.env['ROUTER_SECRET'] = 'a secret of the test';
    const { gatewayConfig } = await import('../../deploy/router/gateway.config');
    delete process.env['ROUTER_SECRET'];
    const gateway = createGatewayRuntime({
      ...gatewayConfig,
      supergraph,
      upstreamTimeout: 300,
      transports: { http: httpTransport },
      logging: false,
    });
    try {
      const ask = async (headers: Record<string, string>) => {
        const query = '{ topReviews { author { displayName } } }';
        const body = JSON.stringify({ query });
        const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
        return (await gateway.fetch('http://gateway/graphql', init)).text();
      };
      const text = await ask({ 'router-authorization': 'a secret of a client' });
      expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { serviceName: 'users' } }] });
      expect(text).not.toMatch(/127\.0\.0\.1|representations/);
      await ask({ authorization: 'Bearer token' });
      expect(
        subgraph.requests.map(({ path, headers: { authorization, 'router-authorization': proof } }) => [
          path,
          authorization,
          proof,
        ]),
      ).toEqual([
        ['/reviews', undefined, undefined],
        ['/users', undefined, 'a secret of the test'],
        ['/reviews', 'Bearer token', undefined],
        ['/users', 'Bearer token', 'a secret of the test'],
      ]);
    } finally {
      await gateway.dispose();
      await subgraph.close();
    }
  });
});
