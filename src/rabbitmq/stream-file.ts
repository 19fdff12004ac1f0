import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const newline = 10;

/** Where erasures are kept without RabbitMQ: beside the embedded database, so that replacing that leaves them. */
export function erasuresFileIn(dataDirectory: string): string {
  return join(dataDirectory, 'erasures.ndjson');
}

/** A stream for a service that runs without RabbitMQ: one JSON document a line, only ever added to. */
export class StreamFile {
  private mended = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Resolves when the document is on the disk. */
  append(document: Buffer): Promise<void> {
    const written = this.writing.then(() => this.write(document));
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async write(document: Buffer): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    if (!this.mended) await cutTornLine(this.path);
    this.mended = true;
    const file = await open(this.path, 'a');
    try {
      await file.appendFile(Buffer.concat([document, Buffer.from('\n')]));
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/**
 * Reads the lines of a file that are not blank.
 *
 * @throws Error when the file cannot be read
 */
export async function readStreamFile(path: string, onDocument: (text: string) => void): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity }))
    if (line.trim() !== '') onDocument(line);
}

/** A crash left half a line: nobody was told that it was written, so it is written again. */
async function cutTornLine(path: string): Promise<void> {
  const file = await open(path, 'a+');
  try {
    const content = await file.readFile();
    await file.truncate(content.lastIndexOf(newline) + 1);
  } finally {
    await file.close();
  }
}
