import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { registerAuditCommand } from './commands/audit';
import { registerEmitCommand } from './commands/emit';
import { registerEraseCommand } from './commands/erase';
import { registerExportCommand } from './commands/export';
import { registerExportAllCommand } from './commands/export-all';
import { registerImportCommand } from './commands/import';
import { registerMigrateCommand } from './commands/migrate';
import { registerParkedCommand } from './commands/parked';
import { registerRecomputeCommand } from './commands/recompute';
import { registerRepublishCommand } from './commands/republish';
import { registerRetentionCommand } from './commands/retention';
import { registerRotateUnsubscribeKeyCommand } from './commands/rotate-unsubscribe-key';
import { registerSeedCommand } from './commands/seed';
import { registerServeCommand } from './commands/serve';
import { registerTokenCommand } from './commands/token';
import { packageRoot } from './package-root';

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration. */
const wrongUsage = 2;

async function main(): Promise<void> {
  const program = new Command('user-service')
    .description('The customers of the platform: serve them, and look after their data')
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
  // Whoever read the results has gone, as `head` does.
  process.stdout.on('error', () => process.exit(1));
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : wrongUsage);
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
}

void main();
