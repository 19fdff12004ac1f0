import type { Command } from 'commander';
import { withServices } from './with-services';

/** Adds `rotate-unsubscribe-key`: a new key for unsubscribe links; links that are out go on working. */
export function registerRotateUnsubscribeKeyCommand(program: Command): void {
  program
    .command('rotate-unsubscribe-key')
    .description('make a new key for unsubscribe links; links that were sent go on working')
    .action(() =>
      withServices(process.env, async ({ signingKeys }) => {
        const generation = await signingKeys.rotate('unsubscribe');
        process.stdout.write(`key ${generation} signs links once a replica is restarted\n`);
      }),
    );
}
