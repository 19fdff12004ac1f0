import { isUtf8 } from 'node:buffer';
import type { Command } from 'commander';
import { type FoldOutcome, UnfoldableEventError } from '../commerce/commerce-fold';
import { readMessage } from '../consumers/read-message';
import type { createIntake } from '../intake';
import type { ParkedMessage } from '../parked/parked-message.entity';
import type { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import { toWire } from '../parked/wire-message';
import type { Database } from '../postgres/database';
import { keysetStart } from '../postgres/keyset';
import { recordOperatorRead } from './operator-reads';
import { printable, printableInLine, printLine } from './output';
import { registerParkedDiscardCommand } from './parked-discard';
import { withIntake } from './with-intake';
import { withParkedMessages } from './with-parked-messages';

type Intake = ReturnType<typeof createIntake>;

const pageSize = 50;

/** Adds `parked`: lists, shows, replays and discards messages that could not be folded. */
export function registerParkedCommand(program: Command): void {
  const parked = program
    .command('parked')
    .description('inspect, replay and discard messages that could not be folded');
  registerParkedDiscardCommand(parked);
  parked
    .command('list')
    .description('list all parked messages, oldest first')
    .option('--json', 'one JSON document a line, with the body')
    .action(({ json }: { json?: true }) =>
      withParkedMessages((parked, database) => list({ parked, database, json: json ?? false })),
    );
  parked
    .command('show <id>')
    .description('print a parked message with all its details')
    .option('--json', 'print it in one line')
    .action((id: string, { json }: { json?: true }) =>
      withParkedMessages((parked, database) => show({ parked, database, json: json ?? false }, id)),
    );
  parked
    .command('replay [ids...]')
    .description('fold parked messages again; folded messages are no longer parked')
    .option('--all', 'replay all parked messages')
    .option('--json', 'one JSON document a line: the result for each message')
    .action((ids: string[], { all, json }: { all?: true; json?: true }, command: Command) => {
      if (ids.length > 0 === (all ?? false)) command.error('error: expected ids or --all', { exitCode: 2 });
      return withIntake((intake, database) =>
        replay(intake, { database, json: json ?? false }, all ? null : ids),
      );
    });
}

async function* pages(parked: ParkedMessagesRepository): AsyncGenerator<ParkedMessage[]> {
  for (let after = keysetStart.id; ; ) {
    const page: ParkedMessage[] = await parked.list(after, pageSize);
    yield page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.id ?? after;
  }
}

interface ReadOptions {
  readonly parked: ParkedMessagesRepository;
  readonly database: Database;
  readonly json: boolean;
}

async function list({ parked, database, json }: ReadOptions): Promise<void> {
  let count = 0;
  for await (const page of pages(parked)) {
    count += page.length;
    // Only JSON contains the bodies, which are personal data.
    if (json) await recordRead(parked, database, page);
    for (const message of page) {
      const { id, reason, type, source, eventId, attempts } = message;
      const parkedAt = message.parkedAt.toISOString();
      const fields = { id, reason, type, source, eventId, parkedAt, attempts };
      await printLine(
        json
          ? JSON.stringify({ ...fields, ...bodyOf(message) })
          : Object.values(fields)
              .map((field) => printableInLine(String(field)))
              .join('  '),
      );
    }
  }
  (json ? process.stderr : process.stdout).write(`${count} parked\n`);
}

async function show({ parked, database, json }: ReadOptions, id: string): Promise<void> {
  const message = await parked.find(id);
  if (!message) {
    process.stderr.write(`error: no parked message has the id ${printable(id)}\n`);
    process.exitCode = 1;
    return;
  }
  await recordRead(parked, database, [message]);
  const { fingerprint: _fingerprint, body: _body, ...fields } = message;
  await printLine(JSON.stringify({ ...fields, ...bodyOf(message) }, null, json ? undefined : 2));
}

async function replay(
  intake: Intake,
  { database, json }: Omit<ReadOptions, 'parked'>,
  ids: string[] | null,
): Promise<void> {
  const counts: Record<string, number> = {};
  const report = async (id: string, result: string) => {
    counts[result] = (counts[result] ?? 0) + 1;
    await printLine(json ? JSON.stringify({ id, result }) : `${id}  ${result}`);
  };
  if (ids === null)
    for await (const page of pages(intake.parked))
      for (const message of page) await report(message.id, await replayOne(intake, database, message));
  for (const id of ids ?? []) {
    const message = await intake.parked.find(id);
    await report(id, message ? await replayOne(intake, database, message) : 'unknown');
  }
  const { parked = 0, unknown = 0, ...removed } = counts;
  const replayed = Object.values(removed).reduce((sum, count) => sum + count, 0);
  const summary = `${replayed} replayed, ${parked} still parked${unknown > 0 ? `, ${unknown} unknown` : ''}\n`;
  (json ? process.stderr : process.stdout).write(summary);
  if (parked + unknown > 0) process.exitCode = 1;
}

/** Replays the message. Returns `parked` if it still cannot be folded; otherwise the message is removed. */
async function replayOne(
  { fold, activity, parked }: Intake,
  database: Database,
  message: ParkedMessage,
): Promise<FoldOutcome | 'parked'> {
  const read = readMessage(toWire(message), message.attempts);
  if ('park' in read) return 'parked';
  if ('signIn' in read) {
    // Not one transaction: recording a sign-in again has no effect.
    await activity.recordSignIns([read.signIn]);
    await database.transaction((tx) => parked.remove(tx, message.id));
    return 'folded';
  }
  const [result] = await fold.fold([read.event], async (tx) => void (await parked.remove(tx, message.id)));
  return result instanceof UnfoldableEventError ? 'parked' : (result as FoldOutcome);
}

async function recordRead(
  parked: ParkedMessagesRepository,
  database: Database,
  messages: readonly ParkedMessage[],
): Promise<void> {
  await recordOperatorRead(database, await parked.findUsersNamed(messages), 'parkedMessages');
}

function bodyOf({ body }: ParkedMessage): { body: string } | { bodyBase64: string } {
  return isUtf8(body) ? { body: body.toString() } : { bodyBase64: body.toString('base64') };
}
