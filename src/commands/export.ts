import type { Command } from 'commander';
import { operator, withServices } from './with-services';

/** Adds `export`: prints all stored data of a user in the format of contract/user-data-export.schema.json. */
export function registerExportCommand(program: Command): void {
  program
    .command('export <id>')
    .description('print all stored data of a user')
    .option('--json', 'print it in one line')
    .action(async (userId: string, { json }: { json?: true }) => {
      const { document } = await withServices(process.env, ({ services: { userDataExport } }) =>
        userDataExport.export(operator, userId),
      );
      process.stdout.write(`${JSON.stringify(document, null, json ? undefined : 2)}\n`);
    });
}
