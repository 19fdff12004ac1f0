import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { JsonSchema } from '../../scripts/message-contract';
import { helm, renderedFile, renderedHead } from '../../scripts/render-chart';
import { loadConfig } from '../../src/config';
import { problemsBySchema } from '../testkit/schema-problems';

const folder = resolve(__dirname, '../../deploy/helm');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: any;
}

const rendered = readFileSync(renderedFile, 'utf8');
const manifests = parseAllDocuments(rendered).flatMap((it): Manifest[] => (it.toJSON() ? [it.toJSON()] : []));
const manifest = (kind: string) => manifests.filter((it) => it.kind === kind);
const pods = [...manifest('Deployment'), ...manifest('Job')].map((it) => it.spec.template.spec);

describe('the Helm chart', () => {
  it('is what the rendered file was made from', () => {
    expect(rendered.startsWith(renderedHead())).toBe(true);
  });

  const installed = spawnSync('helm', ['version']).status === 0;
  it(`${installed ? 'passes helm lint and renders as committed' : 'would be rendered by helm, which is not installed here'}`, () => {
    if (!installed) return;
    expect(helm('lint', 'user-service')).toMatchObject({ status: 0 });
    expect(renderedHead() + helm('template', 'users', 'user-service').stdout).toBe(rendered);
    expect(helm('template', 'users', 'user-service', '--set', 'existingSecret=')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('existingSecret'),
    });
  });

  it('accepts its example values and refuses missing secrets, secrets among settings and unknown names', () => {
    const { $schema, ...schema } = JSON.parse(read('user-service/values.schema.json')) as JsonSchema;
    expect($schema).toContain('draft-07');
    const defaults = parse(read('user-service/values.yaml')) as Record<string, object>;
    const example = { ...defaults, ...(parse(read('production.values.yaml')) as Record<string, object>) };
    const problems = (values: object) => problemsBySchema(schema, values).length;
    expect(problemsBySchema(schema, example)).toEqual([]);
    expect(problems(defaults)).toBeGreaterThan(0);
    expect(problems({ ...example, replicas: 3 })).toBeGreaterThan(0);
    const withSecret = { ...example['settings'], ROUTER_SECRET: 'in plain text' };
    expect(problems({ ...example, settings: withSecret })).toBeGreaterThan(0);
  });

  it('has what a release needs', () => {
    expect(manifests.map(({ kind }) => kind).sort((one, other) => one.localeCompare(other))).toEqual([
      'ConfigMap',
      'ConfigMap',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Job',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'PrometheusRule',
      'Service',
      'ServiceAccount',
      'ServiceMonitor',
    ]);
  });

  it('gives the pods settings that the service accepts in production', () => {
    const [{ data = {} } = { data: {} }] = manifest('ConfigMap').filter((it) => it.data?.['MANAGEMENT_PORT']);
    const secrets = {
      DATABASE_URL: 'postgres://user_service_app@postgres/users',
      REDIS_URL: 'redis://redis',
      AMQP_URL: 'amqp://rabbitmq',
      ROUTER_SECRET: 'a-secret-of-the-router',
    };
    expect(loadConfig({ NODE_ENV: 'production', ...data, ...secrets })).toMatchObject({
      production: true,
      port: 4001,
      managementPort: 9464,
    });
    const [{ env = [] } = {}] = pods[0].containers as { env?: { name: string }[] }[];
    expect(env.map(({ name }) => name)).toEqual(Object.keys(secrets));
  });

  it('runs every container without root, privileges, a writable root or a token', () => {
    for (const pod of pods) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])])
        expect(container).toMatchObject({
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          resources: { requests: expect.anything(), limits: expect.anything() },
        });
    }
  });

  it('probes the management port and leaves the service time to stop', () => {
    const [{ terminationGracePeriodSeconds, containers }] = pods;
    const probe = (path: string) => ({ httpGet: { path, port: 'management' } });
    expect(containers[0]).toMatchObject({
      livenessProbe: probe('/health/live'),
      readinessProbe: probe('/health/ready'),
      ports: [{ containerPort: 4001 }, { name: 'management', containerPort: 9464 }],
    });
    expect(terminationGracePeriodSeconds).toBeGreaterThan(25);
  });

  it('migrates before an upgrade with the secret of the owner, and grants the role of the service', () => {
    const [job] = manifest('Job');
    expect(job?.metadata.annotations?.['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    const [, pod] = pods;
    const secretsOf = (containers: { env: { valueFrom?: { secretKeyRef: { name: string } } }[] }[]) =>
      containers.flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.name ?? []));
    expect(pod.initContainers[0].args).toEqual(['migrate']);
    expect(secretsOf([...pod.initContainers, ...pod.containers])).toEqual([
      'user-service-owner',
      'user-service-owner',
    ]);
    expect(secretsOf(pods[0].containers)).not.toContain('user-service-owner');
    const grants = manifest('ConfigMap').find((it) => it.data?.['application-role.sql']);
    const role = readFileSync(resolve(folder, '../../docs/application-role.sql'), 'utf8');
    expect(grants?.data?.['application-role.sql']?.trim()).toBe(role.trim());
  });

  it('scales by CPU and duration, spreads over zones and nodes, and keeps all but one pod in a drain', () => {
    const [autoscaler] = manifest('HorizontalPodAutoscaler');
    expect(autoscaler?.spec.metrics.map(({ type }: { type: string }) => type)).toEqual(['Resource', 'Pods']);
    const keys = pods[0].topologySpreadConstraints.map((it: { topologyKey: string }) => it.topologyKey);
    expect(keys).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
    expect(manifest('PodDisruptionBudget')[0]?.spec.maxUnavailable).toBe(1);
  });

  it('lets the router reach the graph, monitoring the management port, and the pods their dependencies', () => {
    const [{ spec } = { spec: {} }] = manifest('NetworkPolicy');
    const portsOf = (rules: { ports: { port: unknown }[] }[]) =>
      rules.map(({ ports }) => ports.map((it) => it.port));
    expect(portsOf(spec.ingress)).toEqual([['http'], ['management']]);
    expect(portsOf(spec.egress)).toEqual([
      [53, 53],
      [5432, 6379, 5672, 443, 4318],
    ]);
    const [{ spec: rules } = { spec: {} }] = manifest('PrometheusRule');
    expect(rules.groups[0].rules.length).toBeGreaterThan(15);
  });
});
