import type { Command } from 'commander';
import { migrate, pendingMigrations } from '../data-source';
import { retryWhileUnavailable, withDatabase } from './with-database';

/** Adds `migrate`: applies pending migrations. Replicas may run it concurrently. */
export function registerMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('apply pending migrations to the database')
    .option('--check', 'apply nothing; fail when migrations are pending')
    .option('--json', 'print a JSON document')
    .action(async ({ check, json }: { check?: true; json?: true }) => {
      const printNames = (state: 'pending' | 'migrated', names: string[]) => {
        const lines = `${names.length} ${state}${names.map((name) => `\n  ${name}`).join('')}`;
        process.stdout.write(`${json ? JSON.stringify({ [state]: names }) : lines}\n`);
      };
      await withDatabase(process.env, async ({ url, log }) => {
        if (check) {
          const pending = await retryWhileUnavailable(log, () => pendingMigrations(url, log));
          printNames('pending', pending);
          if (pending.length > 0) process.exitCode = 1;
          return;
        }
        printNames('migrated', await retryWhileUnavailable(log, () => migrate(url, log)));
      });
    });
}
