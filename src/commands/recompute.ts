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
import { countOf, printLine } from './output';
import { withUpToDateDatabase } from './with-database';
import { operator } from './with-services';

/**
 * Adds `recompute`: compares commerce summaries with those folded from the history. Exits with 1 on a difference, with
 * `--fix` only if it fails.
 */
export function registerRecomputeCommand(program: Command): void {
  program
    .command('recompute')
    .description(
      'recompute commerce summaries from the history, except histories that retention cut; fail on a difference without --fix',
    )
    .option('--fix', 'write the recomputed summary where it differs')
    .option('--json', 'one JSON document a line: each difference')
    .action(({ fix = false, json = false }: { fix?: boolean; json?: boolean }) =>
      withUpToDateDatabase(2, async (database) => {
        const audit = new AuditLog(new AuditRepository(database), new Outbox());
        let differences = 0;
        const userCount = await recompute({
          database,
          commerce: new CommerceRepository(database),
          repository: new RecomputationRepository(database),
          onFix: fix ? (tx, difference) => audit.record(tx, auditedFix(difference)) : null,
          async onDifference({ userId, stored, recomputed }) {
            differences += 1;
            await recordOperatorRead(database, [userId], 'commerce');
            const [before, after] = [readable(stored), readable(recomputed)];
            await printLine(
              json
                ? JSON.stringify({ userId, stored: before, recomputed: after })
                : `${userId}  is ${JSON.stringify(before)}  should be ${JSON.stringify(after)}`,
            );
          },
          onBatch: (checkedCount) => process.stderr.write(`${countOf(checkedCount, 'users')}\n`),
        });
        const outcome = fix ? 'fixed' : 'different';
        (json ? process.stderr : process.stdout).write(
          `${countOf(userCount, 'users')}, ${differences} ${outcome}\n`,
        );
        if (differences > 0 && !fix) process.exitCode = 1;
      }),
    );
}

/** Returns the audit entry of a fixed summary, with the changed fields. */
function auditedFix({ userId, stored, recomputed }: SummaryDifference): AuditedAction {
  const [before, after] = [readable(stored), readable(recomputed)];
  const fields = Object.keys(after)
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
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
    values: { before: valuesOf(before), after: valuesOf(after) },
  };
}

/** Returns the summary with its points as text: `JSON.stringify` throws on a bigint. */
function readable({ loyaltyPoints, ...summary }: CommerceSummary): Record<string, unknown> {
  return { ...summary, loyaltyPoints: String(loyaltyPoints) };
}
