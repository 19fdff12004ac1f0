import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package-root';

/**
 * Returns the JSON Schemas of all messages by URL path, such as `/schemas/UserCreated/1.0.0.json`.
 *
 * @throws Error when contract/schemas is missing from the checkout or image
 */
export async function readMessageSchemas(): Promise<Map<string, object>> {
  const folder = join(packageRoot(), 'contract', 'schemas');
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.json'));
  const schemas = await Promise.all(
    paths.map(async (path): Promise<[string, object]> => {
      const text = await readFile(join(folder, path), 'utf8');
      return [`/schemas/${path}`, JSON.parse(text) as object];
    }),
  );
  return new Map(schemas);
}
