import type { Command } from 'commander';
import { serve } from '../main';

/** Adds `serve`: the server, what `npm start` runs. */
export function registerServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the service until SIGTERM or SIGINT; settings come from the environment')
    .action(() => serve(process.env));
}
