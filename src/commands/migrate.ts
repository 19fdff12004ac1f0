import type { Command } from 'commander';
import { migrate, pendingMigrations } from '../data-source';
import { withDatabase } from './with-database';

/** Adds `migrate`: brings the schema up to date; safe from any number of replicas at once. */
export function registerMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database schema up to date')
    .option('--check', 'change nothing; fail when migrations are pending')
    .option('--json', 'print a JSON document')
    .action(async ({ check, json }: { check?: true; json?: true }) => {
      const print = (what: 'pending' | 'migrated', names: string[]) => {
        const lines = `${names.length} ${what}${names.map((name) => `\n  ${name}`).join('')}`;
        process.stdout.write(`${json ? JSON.stringify({ [what]: names }) : lines}\n`);
      };
      await withDatabase(process.env, async (url, _config, log) => {
        if (check) {
          const pending = await pendingMigrations(url, log);
          print('pending', pending);
          if (pending.length > 0) process.exitCode = 1;
          return;
        }
        print('migrated', await migrate(url, log));
      });
    });
}
