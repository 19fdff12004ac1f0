import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package-root';

/**
 * Reads the JSON Schemas of all messages, by the URL path they are served at, such as
 * `/schemas/UserCreated/1.0.0.json`.
 *
 * @throws when the files are not where the checkout and the image have them: then the build is wrong
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
