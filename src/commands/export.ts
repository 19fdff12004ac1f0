import type { Command } from 'commander';
import { operator, withServices } from './with-services';

/** Adds `export`: everything that is stored about a user, as contract/user-data-export.schema.json says. */
export function registerExportCommand(program: Command): void {
  program
    .command('export <id>')
    .description('print everything that is stored about a user')
    .option('--json', 'print it in one line')
    .action(async (userId: string, { json }: { json?: true }) => {
      const { document } = await withServices(process.env, ({ userDataExport }) =>
        userDataExport.export(operator, userId),
      );
      process.stdout.write(`${JSON.stringify(document, null, json ? undefined : 2)}\n`);
    });
}
