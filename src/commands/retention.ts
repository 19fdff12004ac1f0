import type { Command } from 'commander';
import { Retention } from '../privacy/retention';
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
      const outcome = await withServices(process.env, async ({ erasures }, database, config, log) => {
        const { retention: policy } = config;
        const retention = new Retention({ database, erasures, policy, metrics: createMetrics(), log });
        return dryRun ? retention.plan() : retention.run();
      });
      const { users, historyEntries } = outcome;
      const what = `${users} users and ${historyEntries} history entries`;
      const line = dryRun ? `${what} would be removed` : `${what} removed`;
      process.stdout.write(`${json ? JSON.stringify(outcome) : line}\n`);
    });
}
