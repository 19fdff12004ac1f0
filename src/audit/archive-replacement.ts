import { existsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readFileLines } from '../files/lines';
import { fileDigestOf } from './archive-file';

/** Thrown if the file at the path of an archive must not be replaced. */
export class ArchiveExistsError extends Error {
  override readonly name = 'ArchiveExistsError';
}

/**
 * Throws if the file at this path must not be replaced: it is not an archive, or it is the only copy of its entries.
 * An archive whose entries are still in the database may be replaced: a killed call left it.
 *
 * @param isOnlyCopy whether the entries of the archive with this SHA-256 were removed from the database
 * @throws ArchiveExistsError
 */
export async function checkReplaceable(
  path: string,
  isOnlyCopy: (fileDigest: Buffer) => Promise<boolean>,
): Promise<void> {
  if (!existsSync(path)) return;
  if (!(await isArchive(path)) || (await isOnlyCopy(await fileDigestOf(path))))
    throw new ArchiveExistsError(
      `${path} exists: choose a new file, because an archive may be the only copy of its entries`,
    );
}

/** True for an archive, also if it is not complete, and for an empty file. */
async function isArchive(path: string): Promise<boolean> {
  for await (const line of readFileLines(path))
    return line.startsWith('{"header":{"type":"user-service audit archive"');
  return true;
}

/**
 * Moves a flushed file to a path in the same directory, and replaces a file there. Once it resolves, a power failure
 * cannot undo it.
 */
export async function replaceFile(from: string, path: string): Promise<void> {
  await rename(from, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
