import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { contractBreaks, graphFile, releasedFolder } from './contract-breaks';

const contractFolder = 'contract';
/** Diagnostics from this severity on are advice. */
const information = 2;

/** Returns the errors and warnings of AsyncAPI's validator for `asyncapi.yaml`. */
async function documentProblems(): Promise<string[]> {
  const path = join(contractFolder, 'asyncapi.yaml');
  const { diagnostics } = await new Parser().parse(readFileSync(path, 'utf8'), { source: path });
  return diagnostics
    .filter(({ severity }) => severity < information)
    .map(({ range, message }) => `${path}:${range.start.line + 1}: ${message}`);
}

async function main(args: string[]): Promise<void> {
  const releasing = args.includes('--release');
  const first = releasing && !existsSync(releasedFolder);
  const problems = [...(await documentProblems()), ...(first ? [] : contractBreaks('.'))];
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) {
    process.exitCode = 1;
  } else if (releasing) {
    rmSync(releasedFolder, { recursive: true, force: true });
    for (const part of ['asyncapi.yaml', 'schemas'])
      cpSync(join(contractFolder, part), join(releasedFolder, part), { recursive: true });
    cpSync(graphFile, join(releasedFolder, graphFile));
  }
}

if (process.argv[1]?.endsWith('check-contract.ts')) void main(process.argv.slice(2));
