import { type Command, InvalidArgumentError } from 'commander';
import { ArchiveVerification } from '../audit/archive-verification';
import { AuditVerification } from '../audit/audit-verification';
import type { Database } from '../postgres/database';
import { registerArchiveCommand } from './audit-archive';
import { createProgress } from './output';
import { withUpToDateDatabase } from './with-database';

interface VerifyFlags {
  readonly json?: true;
  readonly head?: { number: string; hash: string };
  readonly file?: string;
}

/** Adds `audit verify`: verifies the audit chain. Exits with 1 when a link is broken. */
export function registerAuditCommand(program: Command): void {
  const audit = program.command('audit').description('verify and archive the audit trail');
  registerArchiveCommand(audit);
  audit
    .command('verify')
    .description('verify that no audit entry was changed, removed or inserted')
    .option(
      '--head <number:hash>',
      'a seal that was logged or published; fails unless the chain contains it',
      parseHead,
    )
    .option('--file <file>', 'verify this archive, and its link to what stayed in the database')
    .option('--json', 'print a JSON document')
    .action(async ({ json, head, file }: VerifyFlags) => {
      const { rows, seals, erased, broken } = await withUpToDateDatabase(1, (database) =>
        file === undefined ? verify(database, head) : verifyFile(database, file),
      );
      for (const link of broken) process.stderr.write(`broken: ${link}\n`);
      const result = { rows, seals, erased, broken: broken.size };
      const line = Object.entries(result).map(([name, count]) => `${count} ${name}`);
      process.stdout.write(`${json ? JSON.stringify(result) : line.join(', ')}\n`);
      if (broken.size > 0) process.exitCode = 1;
    });
}

/** Verifies one snapshot, so that entries written and sealed during the run do not count as tampering. */
async function verify(database: Database, head: VerifyFlags['head']) {
  const [row] = await database.query<{ seals: string }>('SELECT count(*) AS seals FROM audit_seals');
  const progress = createProgress('seals', Number(row?.seals ?? 0));
  const result = await database.transaction(async (tx) => {
    await tx.manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return new AuditVerification((sql, parameters) => tx.manager.query(sql, parameters), {
      onSeal: () => progress.advance(),
      ...(head && { head }),
    }).run();
  });
  progress.finish();
  return result;
}

/** Verifies an archive in one snapshot of the database. */
function verifyFile(database: Database, file: string) {
  return database.transaction(async (tx) => {
    await tx.manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return new ArchiveVerification((sql, parameters) => tx.manager.query(sql, parameters)).run(file);
  });
}

function parseHead(text: string): { number: string; hash: string } {
  const [, number, hash] = /^([1-9]\d{0,17}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (!number || !hash)
    throw new InvalidArgumentError('Expected a number, a colon and 64 hexadecimal digits.');
  return { number, hash };
}
