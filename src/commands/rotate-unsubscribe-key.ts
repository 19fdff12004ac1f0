import type { Command } from 'commander';
import { withServices } from './with-services';

/** Adds `rotate-unsubscribe-key`: creates a new signing key for unsubscribe links. Sent links stay valid. */
export function registerRotateUnsubscribeKeyCommand(program: Command): void {
  program
    .command('rotate-unsubscribe-key')
    .description('create a new signing key for unsubscribe links; links already sent stay valid')
    .option('--json', 'print a JSON document')
    .action(({ json }: { json?: true }) =>
      withServices(process.env, async ({ services: { signingKeys } }) => {
        const key = await signingKeys.rotate('unsubscribe');
        const text = `key ${key} created; a replica signs with it after a restart`;
        process.stdout.write(`${json ? JSON.stringify({ key }) : text}\n`);
      }),
    );
}
