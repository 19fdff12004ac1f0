import { createHash } from 'node:crypto';
import type { MigrationInterface, QueryRunner } from 'typeorm';

interface Row {
  readonly id: string;
  readonly headers: string;
  readonly body: Buffer;
}

/** A body of an earlier version can have many megabytes. */
const pageSize = 10;
const largestContactCount = 1_000;
const address = /[^\s"'<>(),;:\\]{1,64}@[^\s"'<>(),;:\\]{1,190}/gu;
const number = /\+?[1-9](?:[\s().-]{0,2}\d){6,14}(?!\d)/g;

/** An erasure finds messages of earlier versions, too, by the user's address and number. */
export class DigestContactsOfParkedMessages1796600000000 implements MigrationInterface {
  name = 'DigestContactsOfParkedMessages1796600000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    let page: Row[] = [];
    let last = '00000000-0000-0000-0000-000000000000';
    do {
      page = await queryRunner.query(
        `SELECT id, headers::text AS headers, body FROM parked_messages
         WHERE named_contacts = '{}' AND id > $1 ORDER BY id LIMIT ${pageSize}`,
        [last],
      );
      for (const { id, headers, body } of page) {
        const digests = digestsIn([...textsOf(body.toString()), ...textsOf(headers)]);
        if (digests.length > 0)
          await queryRunner.query('UPDATE parked_messages SET named_contacts = $2 WHERE id = $1', [
            id,
            digests,
          ]);
        last = id;
      }
    } while (page.length > 0);
  }

  async down(): Promise<void> {
    // Reverting an earlier migration drops the column.
  }
}

function digestsIn(texts: readonly string[]): string[] {
  const contacts = new Set<string>();
  for (const text of texts) {
    if (text.includes('@'))
      for (const [found] of text.matchAll(address)) contacts.add(found.normalize('NFKC').toLowerCase());
    for (const [found] of text.matchAll(number)) contacts.add(`+${found.replace(/\D/g, '')}`);
  }
  return [...contacts]
    .slice(0, largestContactCount)
    .map((contact) => createHash('sha256').update(contact).digest('hex'));
}

/** Yields what is between quotation marks or control characters, and of JSON also every name and string. */
function* textsOf(document: string): Generator<string> {
  yield* document.split(/["\p{Cc}\uFFFD]+/u);
  const open: [string, unknown][] = [['', parsed(document)]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [name, value] = next;
    yield name;
    if (typeof value === 'string') yield value;
    if (typeof value === 'string' && name === 'data_base64')
      yield* textsOf(Buffer.from(value, 'base64').toString());
    if (typeof value === 'object' && value !== null)
      for (const entry of Object.entries(value)) open.push(entry);
  }
}

function parsed(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return null;
  }
}
