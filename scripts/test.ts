import { spawn } from 'node:child_process';

interface JestResults {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Runs jest with these arguments; returns its exit code and its counts, or null when it did not finish. */
async function runJest(args: string[]): Promise<{ code: number; results: JestResults | null }> {
  const jest = require.resolve('jest/bin/jest');
  const child = spawn(
    process.execPath,
    // A handle that a test left open must not keep the build running.
    [jest, '--json', '--forceExit', ...args],
    {
      stdio: ['inherit', 'pipe', 'inherit'],
      // Tests call this machine only; some HTTP clients would send even these requests through a proxy.
      env: { ...process.env, NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
    },
  );
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (exitCode) => resolve(exitCode ?? 1));
  });
  try {
    // Tests may print lines before the results.
    const results = output.slice(output.trimEnd().lastIndexOf('\n') + 1);
    return { code, results: JSON.parse(results) as JestResults };
  } catch {
    return { code, results: null };
  }
}

/** Runs the tests and prints `N passed, N failed` last. Skipped tests and files that cannot run count as failed. */
async function test(args: string[]): Promise<void> {
  const { code, results } = await runJest(args);
  const passed = results?.numPassedTests ?? 0;
  let failed = (results?.numFailedTests ?? 0) + (results?.numRuntimeErrorTestSuites ?? 0);
  const isSelection = args.some((arg) => /^(-t|--testNamePattern)/.test(arg));
  if (results && results.numPendingTests > 0 && !isSelection) {
    const skipped = results.numPendingTests === 1 ? '1 test is' : `${results.numPendingTests} tests are`;
    process.stdout.write(`${skipped} skipped, which counts as failed.\n`);
    failed += results.numPendingTests;
  }
  if (passed + failed === 0) process.stdout.write('No test ran.\n');
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

void test(process.argv.slice(2));
