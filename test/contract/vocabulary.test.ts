import { bannedWordsIn } from '../../scripts/banned-words';
import {
  problemsOfPath,
  problemsOfReadme,
  problemsOfSizes,
  problemsOfText,
  wordsOfFile,
} from '../../scripts/check-vocabulary';

it.each([
  'src/users/user-utils.ts',
  'src/common/clock.ts',
  'src/lib/clock.ts',
  'src/users/index.ts',
  'src/rabbitmq/connection-manager.ts',
  'src/http/request-handler.ts',
  'src/users/userService.ts',
  'src/users/user.thing.ts',
  'migrations/AddUsers.ts',
])('problemsOfPath rejects %s', (path) => {
  expect(problemsOfPath(path)).not.toEqual([]);
});

it.each([
  'src/main.ts',
  'src/users/user.repository.ts',
  'src/commerce/user-history.projection.ts',
  'src/postgres/database.ts',
  'migrations/1795378879925-CreateUsers.ts',
  'test/unit/users/user.service.test.ts',
])('problemsOfPath accepts %s', (path) => {
  expect(problemsOfPath(path)).toEqual([]);
});

it.each([
  'export class CacheManager {}',
  'class MessageHandler {}',
  'export class OutboxImpl {}',
  'export interface IOutbox {}',
  'const MAX_TRIES = 3;',
  'export const LIMITS: Limits = {};',
])('problemsOfText rejects %s', (text) => {
  expect(problemsOfText('src/outbox/outbox.ts', text)).not.toEqual([]);
});

it.each(['export class Outbox {}', 'const manager: EntityManager = x;', 'export interface InvalidInput {}'])(
  'problemsOfText accepts %s',
  (text) => {
    expect(problemsOfText('src/outbox/outbox.ts', text)).toEqual([]);
  },
);

describe('the banned words', () => {
  const words = (text: string) => bannedWordsIn(text).map(({ word }) => word);

  it.each([
    ['somebody', 'Somebody else writes the row.'],
    ['nobody', 'Nobody reads it.'],
    ['everybody', 'Everybody waits.'],
    ['everyone', 'Everyone waits.'],
    ['whoever', 'Whoever came first.'],
    ['those who', 'Those who wait are served.'],
    ['whom', 'To whom it is sent.'],
    ['told', 'Five seconds unless told.'],
    ['told', 'The cache is told.'],
    ['tells of', 'The event tells of a change.'],
    ['had its time', 'Records that have had their time.'],
    ['mend', 'What a machine mended.'],
    ['rests', 'The hash rests in the row.'],
    ['rests', 'It would rest on the clock.'],
    ['known of', 'The user is known of.'],
    ['comes to be', 'How a seal comes to be.'],
    ['goes on', 'The relay went on.'],
    ['is at it', 'Another replica is at it.'],
    ['finds its way', 'The row finds its way into the cache.'],
    ['leaves no trace', 'A refusal leaves no trace.'],
    ['keeps company', 'The batch keeps company with it.'],
    ['forerunner', 'Its forerunner failed.'],
    ['hears of', 'The client heard of it.'],
    ['looks for', 'It looks at the row.'],
    ['holds up', 'One failure held up the lane.'],
    ['answer', 'The function answers null.'],
    ['gives away', 'The error gives away the address.'],
    ['suffices', 'One scope suffices.'],
    ['anew', 'It begins anew.'],
    ['in vain', 'Two tries in vain.'],
    ['for ever', 'Kept for ever.'],
    ['at once', 'All at once.'],
    ['meanwhile', 'Meanwhile it is locked.'],
    ['the same goes for', 'The same goes for orders.'],
    ['of which', 'Three, of which one is old.'],
    ['beside', 'It runs beside the relay.'],
    ['side by side', 'They run side by side.'],
  ])('find "%s" in: %s', (word, text) => {
    expect(words(text)).toContain(word);
  });

  it.each([
    'A lookup, a look-up, an outlook: it looks up ids.',
    'Recommended products, amended and commended.',
    'The account "nobody" of the system.',
    'Besides, it is once more at the top.',
    'The rest in the queue. The rest on disk.',
    'fragment Rest on Query { id }',
    'for (const name of which) started.push(name);',
    'for every user; forever; however',
    'A token holder of gold.',
    'An unanswered request.',
  ])('find nothing in: %s', (text) => {
    expect(words(text)).toEqual([]);
  });

  it.each(['toldOfNew', 'lookFor', 'sideBySide', 'at-once', 'TOLD_OF', 'mendedSummaries'])(
    'are found in the identifier %s',
    (name) => {
      expect(words(`const x = ${name};`)).toHaveLength(1);
    },
  );

  it('are found across the lines of a comment, and reported where they begin', () => {
    expect(bannedWordsIn('code();\n  // The user is deactivated at\n  // once.\n')).toMatchObject([
      { line: 2, found: 'at once' },
    ]);
    expect(words(' * all of\n * which\n')).toEqual(['of which']);
  });

  it('are listed with path, line and what to write, first those of the file name', () => {
    expect(wordsOfFile('test/mended-rows.test.ts', '\nawait told();\n')).toEqual([
      expect.stringMatching(/^test\/mended-rows\.test\.ts:0: mended → fix/),
      expect.stringMatching(/^test\/mended-rows\.test\.ts:2: told → published/),
    ]);
    expect(wordsOfFile('test/corrected-rows.test.ts', 'await published();\n')).toEqual([]);
  });

  it('stay in the released contract', () => {
    expect(wordsOfFile('contract/released/schema.graphql', 'nobody')).toEqual([]);
  });
});

describe('the sizes', () => {
  it('refuse a file of src above 250 lines, elsewhere above 300', () => {
    const refused = new Map([
      ['src/users/user.service.ts', 251],
      ['test/unit/users/user.service.test.ts', 301],
    ]);
    expect(problemsOfSizes(refused)).toHaveLength(2);
    const accepted = new Map([
      ['src/users/user.service.ts', 250],
      ['test/unit/users/user.service.test.ts', 300],
    ]);
    expect(problemsOfSizes(accepted)).toEqual([]);
  });

  it('refuse a folder of src with more than 30 files directly in it', () => {
    const files = (count: number) =>
      new Map(Array.from({ length: count }, (_, at) => [`src/users/file-${at}.ts`, 1]));
    expect(problemsOfSizes(files(31))).toEqual([expect.stringMatching(/^src\/users: 31 files/)]);
    expect(problemsOfSizes(new Map([...files(30), ['src/users/more/file.ts', 1]]))).toEqual([]);
  });

  it('refuse a README above 120 lines', () => {
    expect(problemsOfReadme('line\n'.repeat(121))).toHaveLength(1);
    expect(problemsOfReadme('line\n'.repeat(120))).toEqual([]);
  });
});
