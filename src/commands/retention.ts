import type { Command } from 'commander';
import { Inactivity } from '../privacy/inactivity';
import { Retention, type RetentionOutcome } from '../privacy/retention';
import { createMetrics } from '../telemetry/metrics';
import { countOf } from './output';
import { withServices } from './with-services';

/** Adds `retention`: applies the retention policy once. Run it again when a run reached its maximum. */
export function registerRetentionCommand(program: Command): void {
  program
    .command('retention')
    .description('apply the retention policy: remove expired records, warn and deactivate inactive users')
    .option('--dry-run', 'print what would be done without changing anything')
    .option('--json', 'print a JSON document')
    .action(async ({ dryRun, json }: { dryRun?: true; json?: true }) => {
      const { outcome, left, held } = await withServices(
        process.env,
        async ({ services, database, config, log }) => {
          const { erasures, audit } = services;
          const policy = config.retention;
          const metrics = createMetrics();
          const rule = config.inactivity;
          const inactivity = new Inactivity({ ...services, database, rule, metrics, log });
          const retention = new Retention({ database, erasures, inactivity, audit, policy, metrics, log });
          const outcome = dryRun ? await retention.plan() : await retention.run();
          const left = dryRun ? {} : await retention.plan();
          return { outcome, left, held: await retention.findHeld() };
        },
      );
      process.stdout.write(
        `${json ? JSON.stringify({ ...outcome, held }) : report(outcome, dryRun ? 'would be ' : '')}\n`,
      );
      if (hasAny(left)) process.stderr.write(`left for the next run or the service: ${describe(left)}\n`);
      if (hasAny(held)) process.stderr.write(`kept under a legal hold: ${describe(held)}\n`);
    });
}

/** Returns for example `2 users removed, 1 user warned of inactivity`. */
function report(outcome: RetentionOutcome, mood: string): string {
  const { inactivityWarnings = 0, inactiveUsers = 0, ...records } = outcome;
  const parts: string[] = [];
  if (hasAny(records)) parts.push(`${describe(records)} ${mood}removed`);
  if (inactivityWarnings > 0)
    parts.push(`${countOf(inactivityWarnings, 'users')} ${mood}warned of inactivity`);
  if (inactiveUsers > 0) parts.push(`${countOf(inactiveUsers, 'inactive users')} ${mood}deactivated`);
  return parts.join(', ') || `nothing ${mood}removed, no user ${mood}warned or deactivated`;
}

function hasAny(outcome: RetentionOutcome): boolean {
  return Object.values(outcome).some((count) => count > 0);
}

/** Returns for example `2 users, 1000 history entries`. */
function describe(outcome: RetentionOutcome): string {
  const parts = Object.entries(outcome).filter(([, count]) => count > 0);
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return parts.map(([name, count]) => countOf(count, words(name))).join(', ');
}
