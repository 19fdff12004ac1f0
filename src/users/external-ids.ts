import type { ExternalId } from './user.entity';
import { hasUnseenCharacters, type InputReader } from './user.validation';

/** The most external ids that a user has. */
export const maxExternalIds = 20;

type Given<T> = T | null | undefined;

const systemPattern = /^[a-z0-9][a-z0-9-]{0,49}$/;

/** True if the text can be the name of a system. */
export function isExternalSystem(text: string): boolean {
  return systemPattern.test(text);
}

/** Reads the name of a system. */
export function readExternalSystem(reader: InputReader, path: string, value: string): string {
  if (!isExternalSystem(value))
    reader.problem(
      path,
      'INVALID_FORMAT',
      'must have 1 to 50 lower-case letters, digits and hyphens, and not begin with a hyphen',
    );
  return value;
}

/** Reads an id without trimming it. */
export function readExternalId(reader: InputReader, path: string, value: string): string {
  if (value.trim() === '') reader.problem(path, 'REQUIRED', 'must not be empty');
  if ([...value].length > 200) reader.problem(path, 'TOO_LONG', 'must have at most 200 characters');
  if (hasUnseenCharacters(value))
    reader.problem(path, 'CONTROL_CHARACTERS', 'must not contain control or invisible characters');
  return value;
}

/** Reads the external ids of a new user; null if there are none. */
export function readExternalIds(
  reader: InputReader,
  inputs: Given<readonly ExternalId[]>,
): readonly ExternalId[] | null {
  if (!inputs || inputs.length === 0) return null;
  if (inputs.length > maxExternalIds) {
    reader.problem('externalIds', 'TOO_LONG', `must have at most ${maxExternalIds} entries`);
    return null;
  }
  const systems = new Set<string>();
  const ids = inputs.map((input, index) => {
    const path = `externalIds.${index}`;
    const system = readExternalSystem(reader, `${path}.system`, input.system);
    if (systems.has(system))
      reader.problem(`${path}.system`, 'INVALID_FORMAT', 'must not be the system of another entry');
    systems.add(system);
    return { system, id: readExternalId(reader, `${path}.id`, input.id) };
  });
  return bySystem(ids);
}

/** Returns the ids with that of one system replaced, or removed if `id` is null; null if none is left. */
export function withExternalId(
  ids: Given<readonly ExternalId[]>,
  { system, id }: { system: string; id: string | null },
): readonly ExternalId[] | null {
  const others = (ids ?? []).filter((it) => it.system !== system);
  const changed = id === null ? others : bySystem([...others, { system, id }]);
  return changed.length === 0 ? null : changed;
}

function bySystem(ids: readonly ExternalId[]): readonly ExternalId[] {
  return [...ids].sort((one, other) => (one.system < other.system ? -1 : 1));
}
