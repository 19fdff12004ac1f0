import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A file above this many lines is pointed out; above the second number the check fails. */
const longLines = 250;
const tooLongLines = 300;

const emptyWords = /^(utils?|helpers?|common|shared|misc|lib|core|base|index)$/;
const emptySuffix = /(Manager|Handler|Impl)$/;
const knownRoles = new Set(
  (
    'entity repository service cache events errors validation projection type input resolver reference ' +
    'consumer relay route routes test'
  ).split(' '),
);
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const declared =
  /^\s*(?:export\s+)?(?:abstract\s+)?(?:class|interface|type|function|const|enum)\s+([A-Za-z0-9_]+)/gm;
const migrationName = /^\d{13}-[A-Z][A-Za-z0-9]+\.ts$/;

/** A constant in capitals, such as MAX_TRIES. */
const shouted = /^\s*(?:export\s+)?const\s+([A-Z][A-Z0-9_]*)(?=[\s:=])/gm;

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
    return migrationName.test(basename(path))
      ? []
      : [`${path}: a migration is called <unix ms>-<VerbNoun>.ts`];
  }
  const problems: string[] = [];
  const folders = path.split('/').slice(0, -1);
  const [name = '', ...roles] = basename(path, '.ts').split('.');
  for (const word of [...folders, name].flatMap((part) => part.split('-'))) {
    if (emptyWords.test(word))
      problems.push(`${path}: "${word}" says nothing; name the file after what it exports`);
    if (/^(manager|handler|impl)$/.test(word))
      problems.push(`${path}: "${word}" says nothing; say what it does`);
  }
  for (const part of [...folders, name]) {
    if (!kebabCase.test(part)) problems.push(`${path}: "${part}" is not kebab-case`);
  }
  for (const role of roles) {
    if (!knownRoles.has(role))
      problems.push(`${path}: ".${role}" is not one of the roles in CONTRIBUTING.md`);
  }
  return problems;
}

/** What is wrong with the names a file declares: empty suffixes, interfaces spelled IThing, constants in capitals. */
export function problemsOfText(path: string, text: string): string[] {
  const empty = [...text.matchAll(declared)]
    .map((match) => match[1] ?? '')
    .filter((name) => emptySuffix.test(name) || /^I[A-Z][a-z]/.test(name))
    .map((name) => `${path}: "${name}" says nothing; say what it does`);
  const loud = [...text.matchAll(shouted)].map(
    (match) => `${path}: "${match[1]}" is spelled in capitals; constants are camelCase, as all values`,
  );
  return [...empty, ...loud];
}

function main(): void {
  const problems: string[] = [];
  for (const path of ['src', 'migrations', 'test', 'scripts', 'bench'].flatMap(typescriptFiles)) {
    const text = readFileSync(path, 'utf8');
    const lines = text.split('\n').length - 1;
    problems.push(...problemsOfPath(path), ...problemsOfText(path, text));
    if (lines > tooLongLines) problems.push(`${path}: ${lines} lines; split it (${longLines} at most)`);
    else if (lines > longLines) process.stdout.write(`${path}: ${lines} lines, more than ${longLines}\n`);
  }
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('check-vocabulary.ts')) main();
