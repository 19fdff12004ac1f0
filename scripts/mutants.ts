import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A planted bug: one file of `test/mutants/`, whose lines before the patch say what it is. */
interface Mutant {
  readonly name: string;
  readonly file: string;
  /** The promise that the patch breaks. */
  readonly breaks: string;
  /** Test files that are known to find it. They run first. */
  readonly seenBy: readonly string[];
  /** Why no test can find it, if the behaviour stays the same. */
  readonly equivalent: string | undefined;
}

type Outcome = 'found' | 'not found' | 'equivalent' | 'does not apply';

const folder = resolve('test/mutants');

function readMutant(file: string): Mutant {
  const text = readFileSync(join(folder, file), 'utf8');
  const header = text.slice(0, text.indexOf('diff --git '));
  const valueOf = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(header)?.[1];
  const breaks = valueOf('Breaks');
  if (breaks === undefined) throw new Error(`${file}: the line "Breaks: …" is missing before the patch`);
  return {
    name: file.replace(/\.patch$/, ''),
    file: join(folder, file),
    breaks,
    seenBy: valueOf('Seen by')?.split(/[\s,]+/) ?? [],
    equivalent: valueOf('Equivalent'),
  };
}

/** Returns true if jest fails, which means that a test found the mutant. */
async function failsIn(checkout: string, tests: readonly string[]): Promise<boolean> {
  const jest = require.resolve('jest/bin/jest');
  const child = spawn(process.execPath, [jest, '--forceExit', '--bail', '--silent', ...tests], {
    cwd: checkout,
    stdio: 'ignore',
    env: { ...process.env, NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
  });
  return new Promise((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code) => settle(code !== 0));
  });
}

function git(checkout: string, ...args: string[]): void {
  execFileSync('git', args, { cwd: checkout, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Applies the mutant in the checkout, runs the tests and takes it back. */
async function judge(mutant: Mutant, checkout: string, onlyKnownTests: boolean): Promise<Outcome> {
  try {
    git(checkout, 'apply', mutant.file);
  } catch {
    return 'does not apply';
  }
  try {
    if (mutant.equivalent !== undefined) return 'equivalent';
    if (mutant.seenBy.length > 0 && (await failsIn(checkout, mutant.seenBy))) return 'found';
    if (onlyKnownTests) return 'not found';
    return (await failsIn(checkout, [])) ? 'found' : 'not found';
  } finally {
    git(checkout, 'checkout', '--', '.');
    git(checkout, 'clean', '-fdq', '-e', 'node_modules');
  }
}

/** Fails unless these tests pass without a mutant: a test that always fails finds every bug. */
async function requireGreen(checkout: string, tests: readonly string[]): Promise<void> {
  if (tests.length > 0 && (await failsIn(checkout, tests)))
    throw new Error('the tests of these mutants fail without any mutant, so they cannot judge');
}

/**
 * Plants the bugs of `test/mutants/` one at a time in a checkout of HEAD and reports which of them a test finds.
 * Arguments: parts of names, to plant some only; `--known-tests` never runs the rest of the suite.
 */
async function plantMutants(args: readonly string[]): Promise<void> {
  const onlyKnownTests = args.includes('--known-tests');
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  const mutants = readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .map(readMutant)
    .filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const checkout = join(mkdtempSync(join(tmpdir(), 'user-service-mutants-')), 'checkout');
  git('.', 'worktree', 'add', '--detach', checkout);
  const counts = new Map<Outcome, number>();
  try {
    symlinkSync(resolve('node_modules'), join(checkout, 'node_modules'));
    await requireGreen(checkout, [...new Set(mutants.flatMap(({ seenBy }) => seenBy))]);
    for (const mutant of mutants) {
      const outcome = await judge(mutant, checkout, onlyKnownTests);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      process.stdout.write(`${outcome.padEnd(14)} ${mutant.name}: ${mutant.equivalent ?? mutant.breaks}\n`);
    }
  } finally {
    git('.', 'worktree', 'remove', '--force', checkout);
    rmSync(join(checkout, '..'), { recursive: true, force: true });
  }
  const countOf = (outcome: Outcome) => counts.get(outcome) ?? 0;
  const missed = countOf('not found') + countOf('does not apply');
  process.stdout.write(
    `${countOf('found')} found, ${missed} not found, ${countOf('equivalent')} equivalent\n`,
  );
  process.exitCode = missed === 0 && mutants.length > 0 ? 0 : 1;
}

void plantMutants(process.argv.slice(2));
