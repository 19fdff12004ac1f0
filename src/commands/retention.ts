import type { Command } from 'commander';
import { Retention, type RetentionOutcome } from '../privacy/retention';
import { createMetrics } from '../telemetry/metrics';
import { withServices } from './with-services';

/** Adds `retention`: applies the retention policy once. Run it again when a run reached its maximum. */
export function registerRetentionCommand(program: Command): void {
  program
    .command('retention')
    .description('remove expired records by the retention policy')
    .option('--dry-run', 'print what would be removed without changing anything')
    .option('--json', 'print a JSON document')
    .action(async ({ dryRun, json }: { dryRun?: true; json?: true }) => {
      const { outcome, left, held } = await withServices(
        process.env,
        async ({ services: { erasures, audit }, database, config, log }) => {
          const policy = config.retention;
          const metrics = createMetrics();
          const retention = new Retention({ database, erasures, audit, policy, metrics, log });
          const outcome = dryRun ? await retention.plan() : await retention.run();
          const left = dryRun ? {} : await retention.plan();
          return { outcome, left, held: await retention.findHeld() };
        },
      );
      const verb = dryRun ? 'would be removed' : 'removed';
      process.stdout.write(
        `${json ? JSON.stringify({ ...outcome, held }) : `${describe(outcome)} ${verb}`}\n`,
      );
      if (hasAny(left))
        process.stderr.write(
          `${describe(left)} are left: more than one run removes, or the service is removing them\n`,
        );
      if (hasAny(held)) process.stderr.write(`${describe(held)} stay: their users are under a legal hold\n`);
    });
}

function hasAny(outcome: RetentionOutcome): boolean {
  return Object.values(outcome).some((count) => count > 0);
}

/** Returns for example `2 users, 1000 history entries`. */
function describe(outcome: RetentionOutcome): string {
  const parts = Object.entries(outcome).filter(([, count]) => count > 0);
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return parts.map(([name, count]) => `${count} ${words(name)}`).join(', ') || 'nothing';
}
