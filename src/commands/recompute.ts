import type { Command } from 'commander';
import { recompute } from '../history/recomputation';
import { RecomputationRepository } from '../history/recomputation.repository';
import type { CommerceSummary } from '../history/user-history.projection';
import { recordOperatorRead } from './operator-reads';
import { withIntake } from './with-intake';

/** Adds `recompute`: compares every user's commerce with what the history adds up to. */
export function registerRecomputeCommand(program: Command): void {
  program
    .command('recompute')
    .description('recompute the commerce of every user from history; fail when anything differs')
    .option('--fix', 'write what was recomputed where it differs')
    .option('--json', 'one JSON document a line: each difference')
    .action(({ fix = false, json = false }: { fix?: boolean; json?: boolean }) =>
      withIntake(async (_intake, database) => {
        let differences = 0;
        const users = await recompute({
          database,
          repository: new RecomputationRepository(database),
          fix,
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

function readable({ loyaltyPoints, ...summary }: CommerceSummary): object {
  return { ...summary, loyaltyPoints: String(loyaltyPoints) };
}
