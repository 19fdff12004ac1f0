import type { Command } from 'commander';
import { Retention, type RetentionOutcome } from '../privacy/retention';
import { createMetrics } from '../telemetry/metrics';
import { withServices } from './with-services';

/** Adds `retention`: applies the retention policy once; a run that reached its maximum is run again. */
export function registerRetentionCommand(program: Command): void {
  program
    .command('retention')
    .description('remove what the retention policy no longer keeps')
    .option('--dry-run', 'print what would be removed, and change nothing')
    .option('--json', 'print a JSON document')
    .action(async ({ dryRun, json }: { dryRun?: true; json?: true }) => {
      const { outcome, left } = await withServices(
        process.env,
        async ({ erasures, audit }, database, { retention: policy }) => {
          const metrics = createMetrics();
          const retention = new Retention({ database, erasures, audit, policy, metrics });
          if (dryRun) return { outcome: await retention.plan(), left: nothing };
          return { outcome: await retention.run(), left: await retention.plan() };
        },
      );
      const verb = dryRun ? 'would be removed' : 'removed';
      process.stdout.write(`${json ? JSON.stringify(outcome) : `${describe(outcome)} ${verb}`}\n`);
      if (left.users + left.historyEntries > 0)
        process.stderr.write(`${describe(left)} are left: too much for one run, or the service is at it\n`);
    });
}

const nothing: RetentionOutcome = { users: 0, historyEntries: 0 };

function describe({ users, historyEntries }: RetentionOutcome): string {
  return `${users} users and ${historyEntries} history entries`;
}
