import { type FileHandle, mkdir, open } from 'node:fs/promises';
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

/** The control character CAN at the end of a line: a crash or a failure left the line incomplete. */
const cancelled = '\u0018';

/** An append-only file with one JSON document per line, for a service that runs without RabbitMQ. */
export class StreamFile {
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
    const file = await open(this.path, 'a+', privateMode);
    try {
      await file.chmod(privateMode);
      const line = Buffer.concat([await endOfTornLine(file), document, Buffer.from('\n')]);
      // One write, because other processes may append to the file.
      const { bytesWritten } = await file.write(line);
      if (bytesWritten < line.length) throw new Error(`only a part of a line was written to ${this.path}`);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/**
 * Calls `onDocument` with every complete line of the file that is not blank.
 *
 * @throws Error when the file cannot be read
 */
export async function readStreamFile(path: string, onDocument: (text: string) => void): Promise<void> {
  for await (const line of readFileLines(path))
    if (line.trim() !== '' && !line.endsWith(cancelled)) onDocument(line);
}

/**
 * Returns what ends an incomplete last line; nothing if the last line is complete. The `append` of an incomplete line
 * never resolved, so its caller retries it. The line stays: it may be one that another process is writing.
 */
async function endOfTornLine(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  if (size > 0) await file.read(last, 0, 1, size - 1);
  return Buffer.from(size === 0 || last[0] === newline ? '' : `${cancelled}\n`);
}
