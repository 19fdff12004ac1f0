import type { Command } from 'commander';
import { UnfoldableEventError } from '../commerce/commerce-fold';
import { readMessage } from '../consumers/read-message';
import type { createIntake } from '../intake';
import type { ParkedMessage } from '../parked/parked-message.entity';
import { toWire } from '../parked/wire-message';
import type { Database } from '../postgres/database';
import { recordOperatorRead } from './operator-reads';
import { withIntake } from './with-intake';

type Intake = ReturnType<typeof createIntake>;

const pageSize = 50;

/** Adds `parked`: the messages that could not be folded, to look at and to try again. */
export function registerParkedCommand(program: Command): void {
  const parked = program.command('parked').description('messages that could not be folded');
  parked
    .command('list')
    .description('all of them, oldest first')
    .option('--json', 'one JSON document a line, with the body')
    .action(({ json }: { json?: true }) =>
      withIntake((intake, database) => list(intake, database, json ?? false)),
    );
  parked
    .command('show <id>')
    .description('one of them, with everything that is known about it')
    .option('--json', 'print it in one line')
    .action((id: string, { json }: { json?: true }) =>
      withIntake((intake, database) => show(intake, database, id, json ?? false)),
    );
  parked
    .command('replay [ids...]')
    .description('fold them as if they came now; what is folded is no longer parked')
    .option('--all', 'all of them')
    .option('--json', 'one JSON document a line: what became of each')
    .action((ids: string[], { all, json }: { all?: true; json?: true }, command: Command) => {
      if (ids.length > 0 === (all ?? false)) command.error('error: say which ids, or --all', { exitCode: 2 });
      return withIntake((intake) => replay(intake, all ? null : ids, json ?? false));
    });
}

async function* pages({ parked }: Intake): AsyncGenerator<ParkedMessage[]> {
  for (let after: string | null = null; ; ) {
    const page: ParkedMessage[] = await parked.list(after, pageSize);
    yield page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.id ?? null;
  }
}

async function list(intake: Intake, database: Database, json: boolean): Promise<void> {
  let count = 0;
  for await (const page of pages(intake)) {
    count += page.length;
    if (json) await recordRead(intake, database, page);
    for (const message of page) {
      const { id, reason, type, source, eventId, attempts } = message;
      const parkedAt = message.parkedAt.toISOString();
      const known = { id, reason, type, source, eventId, parkedAt, attempts };
      print(json ? JSON.stringify({ ...known, ...bodyOf(message) }) : Object.values(known).join('  '));
    }
  }
  (json ? process.stderr : process.stdout).write(`${count} parked\n`);
}

async function show(intake: Intake, database: Database, id: string, json: boolean): Promise<void> {
  const message = await intake.parked.find(id);
  if (!message) {
    process.stderr.write(`error: nothing is parked as ${id}\n`);
    process.exitCode = 1;
    return;
  }
  await recordRead(intake, database, [message]);
  const { fingerprint: _fingerprint, body: _body, ...known } = message;
  print(JSON.stringify({ ...known, ...bodyOf(message) }, null, json ? undefined : 2));
}

async function replay(intake: Intake, ids: string[] | null, json: boolean): Promise<void> {
  const counts: Record<string, number> = {};
  const tell = (id: string, result: string) => {
    counts[result] = (counts[result] ?? 0) + 1;
    print(json ? JSON.stringify({ id, result }) : `${id}  ${result}`);
  };
  if (ids === null)
    for await (const page of pages(intake))
      for (const message of page) tell(message.id, await tryAgain(intake, message));
  for (const id of ids ?? []) {
    const message = await intake.parked.find(id);
    tell(id, message ? await tryAgain(intake, message) : 'unknown');
  }
  const { parked = 0, unknown = 0, ...dealtWith } = counts;
  const replayed = Object.values(dealtWith).reduce((sum, count) => sum + count, 0);
  const summary = `${replayed} replayed, ${parked} still parked${unknown > 0 ? `, ${unknown} unknown` : ''}\n`;
  (json ? process.stderr : process.stdout).write(summary);
  if (parked + unknown > 0) process.exitCode = 1;
}

/** `parked`: it is no better than before; anything else is what became of it, and it is no longer parked. */
async function tryAgain({ fold, parked }: Intake, message: ParkedMessage): Promise<string> {
  const read = readMessage(toWire(message), message.attempts);
  if ('park' in read) return 'parked';
  const [result] = await fold.fold([read.event], (tx) => parked.remove(tx, message.id));
  return result instanceof UnfoldableEventError ? 'parked' : (result as string);
}

async function recordRead(
  { parked }: Intake,
  database: Database,
  messages: readonly ParkedMessage[],
): Promise<void> {
  await recordOperatorRead(database, await parked.findUsersNamed(messages), 'parkedMessages');
}

function bodyOf({ body }: ParkedMessage): { body: string } | { bodyBase64: string } {
  const text = body.toString('utf8');
  return Buffer.from(text).equals(body) ? { body: text } : { bodyBase64: body.toString('base64') };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
