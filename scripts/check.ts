import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

// Longest first, so that the total stays close to the sum of all parts divided by the number of cores.
const checks: Record<string, string> = {
  lint: 'oxlint --deny-warnings --report-unused-disable-directives',
  imports:
    'depcruise --config .dependency-cruiser.cjs --output-type err-long src migrations test scripts bench supergraph examples',
  'dead-code': 'knip --treat-config-hints-as-errors',
  migrations: 'node scripts/run.cjs scripts/check-migrations.ts',
  types: 'tsc --noEmit',
  examples: 'node scripts/run.cjs examples/client/generate.ts && tsc --noEmit -p examples/client',
  schema: 'node scripts/run.cjs scripts/generated-files.ts schema.graphql',
  contract: 'node scripts/run.cjs scripts/check-contract.ts',
  docs: 'node scripts/run.cjs scripts/generated-files.ts docs contract deploy catalog',
  vocabulary: 'node scripts/run.cjs scripts/check-vocabulary.ts',
  format: 'biome check --error-on-warnings',
};

interface Outcome {
  part: string;
  ok: boolean;
  seconds: number;
  output: string;
}

/** Runs one part of the check and returns its output; never rejects. */
function run(part: string, command: string): Promise<Outcome> {
  const startedAt = Date.now();
  return new Promise((done) => {
    const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('close', (code) =>
      done({ part, ok: code === 0, seconds: (Date.now() - startedAt) / 1000, output }),
    );
  });
}

/** Runs the named parts, by default all, and reports every failure. */
async function check(names: string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in checks));
  if (unknown.length > 0) {
    process.stderr.write(
      `unknown part ${unknown.join(', ')}; the parts are ${Object.keys(checks).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }

  const waiting = Object.entries(checks).filter(([part]) => names.length === 0 || names.includes(part));
  const outcomes: Outcome[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const outcome = await run(...next);
      outcomes.push(outcome);
      process.stdout.write(
        `${outcome.ok ? 'ok    ' : 'FAILED'} ${outcome.part} (${outcome.seconds.toFixed(1)} s)\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));

  const failed = outcomes.filter((outcome) => !outcome.ok);
  for (const outcome of failed) process.stdout.write(`\n── ${outcome.part} ──\n${outcome.output.trim()}\n`);
  if (failed.length > 0) {
    process.stdout.write(
      `\n${failed.map(({ part }) => part).join(', ')} failed. npm run fix repairs formatting, imports and generated files.\n`,
    );
    process.exitCode = 1;
  }
}

void check(process.argv.slice(2));
