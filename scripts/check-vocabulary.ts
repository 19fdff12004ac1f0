import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A file above this many lines is pointed out; above the second number the check fails. */
const LONG_LINES = 250;
const TOO_LONG_LINES = 300;

const EMPTY_WORDS = /^(utils?|helpers?|common|shared|misc|lib|core|base|index)$/;
const EMPTY_SUFFIX = /(Manager|Handler|Impl)$/;
const ROLES = new Set(
  (
    'entity repository service cache events errors validation projection type input resolver reference ' +
    'consumer relay route routes test'
  ).split(' '),
);
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const DECLARED =
  /^\s*(?:export\s+)?(?:abstract\s+)?(?:class|interface|type|function|const|enum)\s+([A-Za-z0-9_]+)/gm;
const MIGRATION = /^\d{13}-[A-Z][A-Za-z0-9]+\.ts$/;

/** Every TypeScript file under a folder, as a path from the top; none where there is no such folder. */
function typescriptFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(folder, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** What is wrong with the names in a path: words that say nothing, spelling, a role nobody knows. */
export function problemsOfPath(path: string): string[] {
  if (path.startsWith('migrations/')) {
    return MIGRATION.test(basename(path)) ? [] : [`${path}: a migration is called <unix ms>-<VerbNoun>.ts`];
  }
  const problems: string[] = [];
  const folders = path.split('/').slice(0, -1);
  const [name = '', ...roles] = basename(path, '.ts').split('.');
  for (const word of [...folders, name].flatMap((part) => part.split('-'))) {
    if (EMPTY_WORDS.test(word))
      problems.push(`${path}: "${word}" says nothing; name the file after what it exports`);
    if (/^(manager|handler|impl)$/.test(word))
      problems.push(`${path}: "${word}" says nothing; say what it does`);
  }
  for (const part of [...folders, name]) {
    if (!KEBAB_CASE.test(part)) problems.push(`${path}: "${part}" is not kebab-case`);
  }
  for (const role of roles) {
    if (!ROLES.has(role)) problems.push(`${path}: ".${role}" is not one of the roles in CONTRIBUTING.md`);
  }
  return problems;
}

/** What is wrong with the names a file declares: empty suffixes, and interfaces spelled IThing. */
export function problemsOfText(path: string, text: string): string[] {
  return [...text.matchAll(DECLARED)]
    .map((match) => match[1] ?? '')
    .filter((name) => EMPTY_SUFFIX.test(name) || /^I[A-Z][a-z]/.test(name))
    .map((name) => `${path}: "${name}" says nothing; say what it does`);
}

function main(): void {
  const problems: string[] = [];
  for (const path of ['src', 'migrations', 'test', 'scripts', 'bench'].flatMap(typescriptFiles)) {
    const text = readFileSync(path, 'utf8');
    const lines = text.split('\n').length - 1;
    problems.push(...problemsOfPath(path), ...problemsOfText(path, text));
    if (lines > TOO_LONG_LINES) problems.push(`${path}: ${lines} lines; split it (${LONG_LINES} at most)`);
    else if (lines > LONG_LINES) process.stdout.write(`${path}: ${lines} lines, more than ${LONG_LINES}\n`);
  }
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('check-vocabulary.ts')) main();
