import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackingService, rabbitmq, redis, unavailableReason } from './service-probes';

const checkout = join(__dirname, '..', '..');
const servicesDirectory = join(checkout, '.data', 'test-services');
const startLimitMs = 120_000;
const graceMs = 20_000;

/** Folders with server programs that packages install outside PATH, or behind a wrapper for one account. */
const extraPath = ['/usr/lib/rabbitmq/bin', '/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/sbin'];

const debianPackages = new Map([
  [redis, 'redis-server'],
  [rabbitmq, 'rabbitmq-server'],
]);

/**
 * Returns the path of a server program that has the name of its package, installing the package for root on Debian.
 *
 * @throws an error that names the package, if the program is missing
 */
export function installedProgram(name: string): string {
  const present = findExecutable(name);
  if (present !== null) return present;
  if (!isRootOnDebian()) throw new Error(`This test needs ${name} on PATH: install the package ${name}.`);
  installPackages([name]);
  const program = findExecutable(name);
  if (program === null) throw new Error(`${name} is not on this machine after its installation.`);
  return program;
}

/**
 * Starts Redis and RabbitMQ at their default ports: by Docker, by installed programs, or, for root on Debian, by
 * installing packages. They keep running for the next run.
 *
 * @throws an error that says what to do, if none of these works
 */
export async function startServices(missing: readonly BackingService[]): Promise<void> {
  if (missing.length === 0) return;
  if (hasDockerEngine()) {
    say(
      `Starting ${namesOf(missing)} with docker compose; "docker compose -f compose.test.yaml down" stops them.`,
    );
    run('docker', [
      'compose',
      '--file',
      'compose.test.yaml',
      'up',
      '--detach',
      '--wait',
      ...missing.map(({ name }) => name.toLowerCase()),
    ]);
    const startedMs = Date.now();
    for (const service of missing) await waitFor(service, () => startedMs + startLimitMs);
    return;
  }
  const absent = missing.filter((service) => findProgram(service) === null);
  if (absent.length > 0) installFromDebian(absent);
  let deadlineMs = Date.now() + startLimitMs;
  for (const service of missing) {
    // Debian's package scripts may have started it.
    if ((await unavailableReason(service, service.defaultUrl)) === null) continue;
    // If another run has just started it, this program exits and the service still comes up.
    startProgram(service).once('exit', () => {
      deadlineMs = Math.min(deadlineMs, Date.now() + graceMs);
    });
  }
  for (const service of missing) await waitFor(service, () => deadlineMs);
}

function hasDockerEngine(): boolean {
  const options = { stdio: 'ignore', timeout: 15_000 } as const;
  return (
    spawnSync('docker', ['info'], options).status === 0 &&
    spawnSync('docker', ['compose', 'version'], options).status === 0
  );
}

function installFromDebian(services: readonly BackingService[]): void {
  if (!isRootOnDebian()) {
    throw new Error(
      `${namesOf(services)} cannot be started on this machine: start a Docker engine, or install ` +
        `${services.map((service) => debianPackages.get(service)).join(' and ')}, or set ` +
        `${services.map(({ variable }) => variable).join(' and ')} to a running one.`,
    );
  }
  installPackages(services.map((service) => debianPackages.get(service) ?? ''));
}

function isRootOnDebian(): boolean {
  return existsSync('/etc/debian_version') && process.getuid?.() === 0;
}

function installPackages(packages: readonly string[]): void {
  say(`Installing ${packages.join(' and ')} with apt-get.`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', [
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    // Another run may be installing the same packages.
    '-o',
    'DPkg::Lock::Timeout=300',
    ...packages,
  ]);
}

function startProgram(service: BackingService): ChildProcess {
  const program = findProgram(service);
  if (program === null) throw new Error(`${service.name} is not on this machine after its installation.`);
  const directory = join(servicesDirectory, service.name.toLowerCase());
  mkdirSync(directory, { recursive: true });
  const output = openSync(logOf(service), 'a');
  const child = spawn(program, service === redis ? redisArguments(directory) : [], {
    cwd: directory,
    // A session of its own, so that it outlives this run and its Ctrl-C.
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      PATH: searchPath().join(delimiter),
      ...(service === rabbitmq
        ? rabbitmqEnvironment(directory, { node: 'user-service-test', port: 5672 })
        : {}),
    },
  });
  closeSync(output);
  child.on('error', () => undefined);
  child.unref();
  say(`Starting ${service.name} at its default port; it stays up ("kill ${child.pid}" stops it).`);
  return child;
}

function redisArguments(directory: string): string[] {
  return ['--port', '6379', '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no'];
}

/** Moves what RabbitMQ keeps in system folders to `directory`, so that any user can run it. */
export function rabbitmqEnvironment(
  directory: string,
  { node, port }: { node: string; port: number },
): NodeJS.ProcessEnv {
  return {
    HOME: directory,
    // An address: a minimal system may not resolve "localhost".
    RABBITMQ_NODENAME: `${node}@127.0.0.1`,
    RABBITMQ_USE_LONGNAME: 'true',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_CONF_ENV_FILE: join(directory, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_PID_FILE: join(directory, 'rabbitmq.pid'),
  };
}

async function waitFor(service: BackingService, deadlineMs: () => number): Promise<void> {
  for (;;) {
    const reason = await unavailableReason(service, service.defaultUrl);
    if (reason === null) return;
    if (Date.now() > deadlineMs()) {
      throw new Error(
        `${service.name} was started but does not respond (${reason}): see ${logOf(service)}, or set ` +
          `${service.variable} to a running one.`,
      );
    }
    await delay(200);
  }
}

/** The path of the service's program; null if it is not installed. */
export function findProgram(service: BackingService): string | null {
  return findExecutable(service === redis ? 'redis-server' : 'rabbitmq-server');
}

function findExecutable(program: string): string | null {
  for (const folder of searchPath()) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** The folders to search for server programs, in order. */
export function searchPath(): string[] {
  // RabbitMQ's own folder comes first: Debian's wrapper on PATH admits only root and one account.
  return [...extraPath, ...(process.env['PATH'] ?? '').split(delimiter)];
}

function run(file: string, args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync(file, args, { cwd: checkout, env, encoding: 'utf8', timeout: 600_000 });
  if (result.status === 0) return;
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-10).join('\n');
  throw new Error(`${file} ${args.join(' ')} failed: ${result.error?.message ?? output}`);
}

function logOf(service: BackingService): string {
  return join(servicesDirectory, `${service.name.toLowerCase()}.log`);
}

function namesOf(services: readonly BackingService[]): string {
  return services.map(({ name }) => name).join(' and ');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
