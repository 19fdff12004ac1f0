import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { AuditRepository } from '../audit/audit.repository';
import { type AuditedAction, AuditLog } from '../audit/audit-log';
import { CommerceRepository } from '../commerce/commerce.repository';
import { recompute, type SummaryDifference } from '../commerce/recomputation';
import { RecomputationRepository } from '../commerce/recomputation.repository';
import type { CommerceSummary } from '../commerce/user-history.projection';
import { Outbox } from '../outbox/outbox';
import { recordOperatorRead } from './operator-reads';
import { withIntake } from './with-intake';
import { operator } from './with-services';

/** Adds `recompute`: compares every user's commerce with what the history adds up to. */
export function registerRecomputeCommand(program: Command): void {
  program
    .command('recompute')
    .description('recompute the commerce of every user from history; fail when anything differs')
    .option('--fix', 'write what was recomputed where it differs')
    .option('--json', 'one JSON document a line: each difference')
    .action(({ fix = false, json = false }: { fix?: boolean; json?: boolean }) =>
      withIntake(async (_intake, database) => {
        const audit = new AuditLog(new AuditRepository(database), new Outbox());
        let differences = 0;
        const users = await recompute({
          database,
          commerce: new CommerceRepository(database),
          repository: new RecomputationRepository(database),
          onFix: fix ? (tx, difference) => audit.record(tx, mended(difference)) : null,
          async onDifference({ userId, stored, recomputed }) {
            differences += 1;
            await recordOperatorRead(database, [userId], 'commerce');
            const [is, should] = [readable(stored), readable(recomputed)];
            const line = json
              ? JSON.stringify({ userId, stored: is, recomputed: should })
              : `${userId}  is ${JSON.stringify(is)}  should be ${JSON.stringify(should)}`;
            process.stdout.write(`${line}\n`);
          },
          onBatch: (count) => process.stderr.write(`${count} users\n`),
        });
        const outcome = fix ? 'mended' : 'different';
        (json ? process.stderr : process.stdout).write(`${users} users, ${differences} ${outcome}\n`);
        if (differences > 0 && !fix) process.exitCode = 1;
      }),
    );
}

/** The change as the audit trail has it. */
function mended({ userId, stored, recomputed }: SummaryDifference): AuditedAction {
  const [is, should] = [readable(stored), readable(recomputed)];
  const fields = Object.keys(should)
    .filter((name) => !isDeepStrictEqual(is[name], should[name]))
    .sort();
  const valuesOf = (summary: Record<string, unknown>) =>
    Object.fromEntries(fields.map((name) => [name, summary[name]]));
  return {
    origin: operator,
    userId,
    action: 'COMMERCE_RECOMPUTED',
    fields,
    reason: null,
    at: new Date(),
    values: { before: valuesOf(is), after: valuesOf(should) },
  };
}

function readable({ loyaltyPoints, ...summary }: CommerceSummary): Record<string, unknown> {
  return { ...summary, loyaltyPoints: String(loyaltyPoints) };
}
