import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config';
import { packageVersion } from '../package-root';
import { printable } from './output';

/** Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 78 wrong configuration (EX_CONFIG of sysexits.h). */
const failed = 1;
const wrongUsage = 2;
const wrongConfiguration = 78;

/** The commands in the order of the help. Each is loaded when it is needed: loading all of them takes half a second. */
const commands: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./serve')).registerServeCommand,
  migrate: async () => (await import('./migrate')).registerMigrateCommand,
  seed: async () => (await import('./seed')).registerSeedCommand,
  token: async () => (await import('./token')).registerTokenCommand,
  emit: async () => (await import('./emit')).registerEmitCommand,
  parked: async () => (await import('./parked')).registerParkedCommand,
  republish: async () => (await import('./republish')).registerRepublishCommand,
  recompute: async () => (await import('./recompute')).registerRecomputeCommand,
  erase: async () => (await import('./erase')).registerEraseCommand,
  export: async () => (await import('./export')).registerExportCommand,
  import: async () => (await import('./import')).registerImportCommand,
  'export-all': async () => (await import('./export-all')).registerExportAllCommand,
  retention: async () => (await import('./retention')).registerRetentionCommand,
  audit: async () => (await import('./audit')).registerAuditCommand,
  'rotate-unsubscribe-key': async () =>
    (await import('./rotate-unsubscribe-key')).registerRotateUnsubscribeKeyCommand,
};

/**
 * Runs one command and writes its failure to standard error.
 *
 * @param args the arguments after `user-service`
 * @returns the exit code
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(args[0]);
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has already written its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(error instanceof ConfigError ? `${message}\n` : `error: ${printable(message)}\n`);
    return error instanceof ConfigError ? wrongConfiguration : failed;
  }
}

/** Returns the program with the command of this name, or with all commands if there is none. */
async function createProgram(name = ''): Promise<Command> {
  const program = new Command('user-service')
    .description('Run the User Service and maintain its data')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(see --help)');
  const known = Object.hasOwn(commands, name) ? commands[name] : undefined;
  for (const load of known ? [known] : Object.values(commands)) (await load())(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
