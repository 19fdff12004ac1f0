import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readFileLines } from '../files/lines';

const newline = 10;

/**
 * Returns the path of the erasures file of a service without RabbitMQ. It is next to the embedded database, so that
 * replacing the database does not delete it.
 */
export function erasuresFileIn(dataDirectory: string): string {
  return join(dataDirectory, 'erasures.ndjson');
}

/** Only the user of this process may read the file. */
const privateMode = 0o600;

/** An append-only file with one JSON document per line, for a service that runs without RabbitMQ. */
export class StreamFile {
  private isTornLineRemoved = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Appends a document. Resolves when it is flushed to the disk, and rejects if it may not be in the file. */
  append(document: Buffer): Promise<void> {
    const written = this.writing.then(() => this.write(document));
    // A failure is reported to its caller and must not fail the next document.
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async write(document: Buffer): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    if (!this.isTornLineRemoved) await removeTornLine(this.path);
    this.isTornLineRemoved = true;
    const file = await open(this.path, 'a', privateMode);
    try {
      await file.chmod(privateMode);
      await file.appendFile(Buffer.concat([document, Buffer.from('\n')]));
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/**
 * Calls `onDocument` with every line of the file that is not blank.
 *
 * @throws Error when the file cannot be read
 */
export async function readStreamFile(path: string, onDocument: (text: string) => void): Promise<void> {
  for await (const line of readFileLines(path)) if (line.trim() !== '') onDocument(line);
}

/** Removes a partial last line left by a crash. Its `append` never resolved, so its caller retries it. */
async function removeTornLine(path: string): Promise<void> {
  const file = await open(path, 'a+', privateMode);
  try {
    const content = await file.readFile();
    await file.truncate(content.lastIndexOf(newline) + 1);
  } finally {
    await file.close();
  }
}
