import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config';
import { packageVersion } from '../package-root';
import { registerAuditCommand } from './audit';
import { registerEmitCommand } from './emit';
import { registerEraseCommand } from './erase';
import { registerExportCommand } from './export';
import { registerExportAllCommand } from './export-all';
import { registerImportCommand } from './import';
import { registerMigrateCommand } from './migrate';
import { printable } from './output';
import { registerParkedCommand } from './parked';
import { registerRecomputeCommand } from './recompute';
import { registerRepublishCommand } from './republish';
import { registerRetentionCommand } from './retention';
import { registerRotateUnsubscribeKeyCommand } from './rotate-unsubscribe-key';
import { registerSeedCommand } from './seed';
import { registerServeCommand } from './serve';
import { registerTokenCommand } from './token';

/** Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 78 wrong configuration (EX_CONFIG of sysexits.h). */
const failed = 1;
const wrongUsage = 2;
const wrongConfiguration = 78;

/**
 * Runs one command and writes its failure to standard error.
 *
 * @param args the arguments after `user-service`
 * @returns the exit code
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has already written its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(error instanceof ConfigError ? `${message}\n` : `error: ${printable(message)}\n`);
    return error instanceof ConfigError ? wrongConfiguration : failed;
  }
}

function createProgram(): Command {
  const program = new Command('user-service')
    .description('Run the User Service and maintain its data')
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(see --help)');
  registerServeCommand(program);
  registerMigrateCommand(program);
  registerSeedCommand(program);
  registerTokenCommand(program);
  registerEmitCommand(program);
  registerParkedCommand(program);
  registerRepublishCommand(program);
  registerRecomputeCommand(program);
  registerEraseCommand(program);
  registerExportCommand(program);
  registerImportCommand(program);
  registerExportAllCommand(program);
  registerRetentionCommand(program);
  registerAuditCommand(program);
  registerRotateUnsubscribeKeyCommand(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
