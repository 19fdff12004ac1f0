import type { Command } from 'commander';

/** Adds `serve`: runs the server, as `npm start` does. */
export function registerServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the service until SIGTERM or SIGINT, with settings from the environment')
    .action(async () => {
      // Imported here because loading the graph takes most of the start time of a command.
      const { serve } = await import('../main');
      await serve(process.env);
    });
}
