import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bannedWordsIn } from './banned-words';

/** A file outside src above `longLines` is reported; the check fails above the limit of its folder. */
const longLines = 250;
const maxLines = (path: string): number => (path.startsWith('src/') ? longLines : 300);
const maxReadmeLines = 120;
const maxFilesInFolder = 30;

/** The files that are checked for banned words. A migration is never edited, so its words stay. */
const wordedPlaces = [
  'src',
  'test',
  'bench',
  'scripts',
  'supergraph',
  'examples',
  'bin',
  'docs',
  'contract',
  'catalog',
  'catalog-info.yaml',
  'README.md',
  'CONTRIBUTING.md',
  'schema.graphql',
  'Dockerfile',
  'compose.yaml',
  'compose.test.yaml',
  'jest.config.js',
  'knip.jsonc',
  '.oxlintrc.json',
  '.dependency-cruiser.cjs',
];
/** The released contract is never edited; the other two files list the banned words. */
const unworded = /^contract\/released\/|^scripts\/banned-words\.ts$|^test\/contract\/vocabulary\.test\.ts$/;

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

/** Returns every file under a folder as a path from the top, a file itself, or none for a missing path. */
function filesUnder(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return [];
  if (found.isFile()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('node_modules'))
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile())
    .toSorted();
}

/** Returns the problems of the names in a path: empty words, spelling, an unknown role. */
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

/** Returns the problems of declared names: empty suffixes, interfaces spelled IThing, constants in capitals. */
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

/** Returns the files with too many lines, and the folders of src with too many files directly in them. */
export function problemsOfSizes(linesOf: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  const inFolder = new Map<string, number>();
  for (const [path, lines] of linesOf) {
    if (path.startsWith('src/')) inFolder.set(dirname(path), (inFolder.get(dirname(path)) ?? 0) + 1);
    if (lines > maxLines(path))
      problems.push(`${path}: ${lines} lines; split it (${maxLines(path)} at most)`);
  }
  for (const [folder, files] of inFolder) {
    if (files > maxFilesInFolder)
      problems.push(`${folder}: ${files} files; move some to a folder (${maxFilesInFolder} at most)`);
  }
  return problems;
}

/** Returns each banned word in a file and in its name, as `path:line: word → what to write`; line 0 is the name. */
export function wordsOfFile(path: string, text: string): string[] {
  if (unworded.test(path)) return [];
  return [...bannedWordsIn(path).map((use) => ({ ...use, line: 0 })), ...bannedWordsIn(text)].map(
    ({ line, found, instead }) => `${path}:${line}: ${found} → ${instead}`,
  );
}

/** Returns a problem for a README that is too long to read in a few minutes. */
export function problemsOfReadme(text: string): string[] {
  const lines = text.split('\n').length - 1;
  return lines > maxReadmeLines ? [`README.md: ${lines} lines (${maxReadmeLines} at most)`] : [];
}

/** Returns the folder that a hit is counted for, such as `src/users`, `docs`, or a file at the top. */
const countedFor = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('src/') || path.startsWith('test/') ? 2 : 1)
    .join('/');

/** Prints every banned word under the given paths, then the number for each folder. */
function listWords(places: string[]): void {
  const counts = new Map<string, number>();
  for (const path of places.flatMap(filesUnder)) {
    const hits = wordsOfFile(path, readFileSync(path, 'utf8'));
    if (hits.length > 0) counts.set(countedFor(path), (counts.get(countedFor(path)) ?? 0) + hits.length);
    for (const hit of hits) process.stdout.write(`${hit}\n`);
  }
  for (const [folder, count] of counts) process.stdout.write(`${String(count).padStart(6)}  ${folder}\n`);
  process.stdout.write(
    `${String([...counts.values()].reduce((sum, count) => sum + count, 0)).padStart(6)}  in all\n`,
  );
}

function check(): void {
  const problems: string[] = [];
  const linesOf = new Map<string, number>();
  for (const path of ['src', 'migrations', 'test', 'scripts', 'bench', 'supergraph', 'examples'].flatMap(
    filesUnder,
  )) {
    if (!path.endsWith('.ts')) continue;
    const text = readFileSync(path, 'utf8');
    const lines = text.split('\n').length - 1;
    linesOf.set(path, lines);
    problems.push(...problemsOfPath(path), ...problemsOfText(path, text));
    if (lines > longLines) process.stdout.write(`${path}: ${lines} lines, more than ${longLines}\n`);
  }
  problems.push(...problemsOfSizes(linesOf));
  problems.push(
    ...wordedPlaces.flatMap(filesUnder).flatMap((path) => wordsOfFile(path, readFileSync(path, 'utf8'))),
  );
  problems.push(...filesUnder('README.md').flatMap((path) => problemsOfReadme(readFileSync(path, 'utf8'))));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('check-vocabulary.ts')) {
  const [option, ...places] = process.argv.slice(2);
  if (option === '--words') listWords(places.length > 0 ? places : wordedPlaces);
  else check();
}
