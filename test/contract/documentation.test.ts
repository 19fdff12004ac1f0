import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

const top = resolve(__dirname, '../..');
const read = (path: string) => readFileSync(join(top, path), 'utf8');
const filesIn = (folder: string, end: string) =>
  readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));

const kitPage = 'test/testkit/README.md';
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  kitPage,
  'examples/README.md',
  ...filesIn('docs', '.md'),
];

const tour = 'test/integration/tour-commands-run.test.ts';
const ofTests = 'not run: these are the tests and checks themselves';
/**
 * The test that runs the commands of a page, or why none does: for all its blocks, or by the beginning of a block. The
 * blocks between `<!-- tour -->` and `<!-- try -->` are run by the test of the tour.
 */
const runsOf: Record<string, string | Record<string, string>> = {
  'README.md': { 'npm ci && npm start': tour },

  'docs/bulk.md': tour,
  'docs/privacy.md': tour,
  'docs/extending-user.md': tour,
  'examples/README.md': {
    'GRAPH_TOKEN=': 'test/integration/client-example-runs.test.ts',
    'export AMQP_URL=': 'test/integration/subscriber-example-keeps-its-copy.test.ts',
  },
  'CONTRIBUTING.md': ofTests,
  [kitPage]: ofTests,
  'docs/deployment.md': { 'helm upgrade': 'not run: needs Kubernetes' },
  'docs/events.md': { 'rabbitmqadmin declare': 'not run: needs the management plugin of RabbitMQ' },
};

/** The files that a page links to, relative to the repository. */
function linksOf(page: string): string[] {
  return [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((link) =>
    normalize(join(dirname(page), link[1] ?? '')),
  );
}

/** The links of a page to headings that their target lacks; anchors are spelled as GitHub does. */
function brokenAnchorsOf(page: string): string[] {
  const links = [...read(page).matchAll(/\]\(([^)#:]*\.md)?#([^)]+)\)/g)];
  return links.flatMap(([, target, anchor = '']) => {
    const text = read(target === undefined ? page : join(dirname(page), target));
    const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    );
    return anchors.includes(anchor) ? [] : [`${target ?? page}#${anchor}`];
  });
}

/** True for a test file, the beginning of its name, or a folder of tests, as jest takes it. */
const startsATest = (path: string) => filesIn('test', '.test.ts').some((file) => file.startsWith(path));

const found = (folder: string, pattern: RegExp) =>
  filesIn(folder, '.ts').flatMap((file) => [...read(file).matchAll(pattern)].map((match) => match[1] ?? ''));

describe('the documentation', () => {
  it.each(pages)('links only to existing files in %s', (page) => {
    expect(linksOf(page).filter((path) => !existsSync(join(top, path)))).toEqual([]);
  });

  it.each(pages)('of %s points at headings that are there', (page) => {
    expect(brokenAnchorsOf(page)).toEqual([]);
  });

  it.each(pages)('of %s names files that are there', (page) => {
    const paths = [
      ...read(page).matchAll(
        /`((?:src|test|scripts|contract|docs|migrations|supergraph|examples)\/[\w./-]+)`/g,
      ),
    ];
    expect(paths.map(([, path = '']) => path).filter((path) => !existsSync(join(top, path)))).toEqual([]);
  });

  it.each(pages)('of %s has commands that a test runs, or a reason why none does', (page) => {
    const others = read(page).replaceAll(/<!-- (tour|try) -->.*?<!-- \/\1 -->/gs, '');
    const blocks = [...others.matchAll(/^ *```(?:sh|bash|shell|console)?\n(.*?)```/gms)];
    const runs = runsOf[page] ?? {};
    const runOf = (block: string) =>
      typeof runs === 'string' ? runs : Object.entries(runs).find(([start]) => block.startsWith(start))?.[1];
    const unaccounted = blocks.filter(([, block = '']) => {
      const run = runOf(block);
      return run === undefined || !(run.startsWith('not run: ') || existsSync(join(top, run)));
    });
    expect(unaccounted.map(([block]) => block)).toEqual([]);
    if (runs === tour) expect(read(tour)).toContain(`'${page}'`);
  });

  it.each(pages)('of %s names scripts and tests that are there', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const lines = read(page).match(/(npm test --|npx jest) [^`\n]*/g) ?? [];
    const tests = lines.flatMap((line) => line.match(/\btest\/[\w./-]+/g) ?? []);
    expect(tests.filter((path) => !startsATest(path))).toEqual([]);
  });

  it('is linked from the README, page by page', () => {
    const linked = linksOf('README.md');
    // A link to a folder covers its pages.
    const isLinked = (page: string) => linked.includes(page) || linked.includes(dirname(page));
    expect(linked).not.toContain('docs');
    expect(pages.filter((page) => page.startsWith('docs/') && !isLinked(page))).toEqual([]);
  });

  it.each(pages.filter((page) => /^docs\/[a-z-]+\.md$/.test(page)))(
    'has two sentences under the title of %s',
    (page) => {
      const [title, opening = ''] = read(page).split('\n\n');
      expect(title).toMatch(/^# [^\n]+$/);
      expect(opening.match(/\.(?=\s|$)/g)).toHaveLength(2);
    },
  );

  it('names every file of the test kit', () => {
    const files = readdirSync(join(top, 'test/testkit')).filter(
      (name) => /\.(ts|cjs)$/.test(name) && !name.endsWith('-process.ts'),
    );
    expect(files.filter((name) => !read(kitPage).includes(`\`${name}\``))).toEqual([]);
  });

  it('names every folder of src in the README', () => {
    const folders = readdirSync(join(top, 'src'), { withFileTypes: true }).filter((it) => it.isDirectory());
    const page = read('README.md');
    expect(folders.map(({ name }) => `\`${name}/\``).filter((name) => !page.includes(name))).toEqual([]);
  });

  it('names every command', () => {
    const names = found('src/commands', /\.command\('([a-z-]+)/g).filter(
      (name) => name !== 'parked' && name !== 'audit',
    );
    const page = read('docs/commands.md');
    expect(names.length).toBeGreaterThan(15);
    expect(
      names.filter((name) => !new RegExp(`^\\|.*\`(parked |audit )?${name}\\b`, 'm').test(page)),
    ).toEqual([]);
  });

  it('names every route', () => {
    const routes = found('src/http', /(?:app\.(?:get|post)(?:<[^(]*>)?\(\s*|url: )'(\/[^']*)'/g);
    const page = read('docs/operations.md');
    expect(routes).toEqual(expect.arrayContaining(['/graphql', '/health/live', '/development/events']));
    expect(routes.filter((route) => !page.includes(` ${route.replace('*', '')}`))).toEqual([]);
  });
});
