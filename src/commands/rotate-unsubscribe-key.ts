import type { Command } from 'commander';
import { withServices } from './with-services';

/** Adds `rotate-unsubscribe-key`: creates a new signing key for unsubscribe links. Sent links stay valid. */
export function registerRotateUnsubscribeKeyCommand(program: Command): void {
  program
    .command('rotate-unsubscribe-key')
    .description('create a new signing key for unsubscribe links; links already sent stay valid')
    .action(() =>
      withServices(process.env, async ({ services: { signingKeys } }) => {
        const generation = await signingKeys.rotate('unsubscribe');
        process.stdout.write(`key ${generation} created; a replica signs with it after a restart\n`);
      }),
    );
}
