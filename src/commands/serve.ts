import type { Command } from 'commander';

/** Adds `serve`: the server, what `npm start` runs. */
export function registerServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the service until SIGTERM or SIGINT; settings come from the environment')
    .action(async () => {
      // Loaded only here: the graph takes most of the time that a command would need to start.
      const { serve } = await import('../main');
      await serve(process.env);
    });
}
