import { addressParts } from '../../users/user.entity';
import type { FieldProblem } from '../../users/user.errors';
import { type ImportedUser, statusFields } from '../../users/user-import';
import { profileFields } from '../../users/user-profile';

/** The text fields of a row. The address is an object of texts, and external ids are a list of such objects. */
export const importedFields = [
  'userId',
  ...profileFields.filter((field) => field !== 'address'),
  ...statusFields,
] as const satisfies readonly (keyof ImportedUser)[];

const externalIdParts = ['system', 'id'] as const;

/** Returns the user in a record, or its problems: unknown fields, and values that are not text. */
export function readUserRow(
  record: Readonly<Record<string, unknown>>,
): { input: ImportedUser } | { fields: FieldProblem[] } {
  const fields: FieldProblem[] = [];
  const readTexts = (from: object, names: readonly string[], prefix: string) => {
    for (const [name, value] of Object.entries(from)) {
      const path = `${prefix}${name}`;
      if (path === 'address' || path === 'externalIds') continue;
      if (!names.includes(name)) fields.push({ path, ...notImported(path) });
      else if (value !== null && typeof value !== 'string')
        fields.push({ path, code: 'INVALID_FORMAT', message: 'must be text' });
    }
  };
  readTexts(record, importedFields, '');
  const address = record['address'] ?? null;
  if (typeof address !== 'object' || Array.isArray(address))
    fields.push({ path: 'address', code: 'INVALID_FORMAT', message: 'must be an object' });
  else if (address) readTexts(address, addressParts, 'address.');
  const externalIds = record['externalIds'] ?? [];
  if (!Array.isArray(externalIds) || externalIds.some((it) => typeof it !== 'object' || it === null))
    fields.push({ path: 'externalIds', code: 'INVALID_FORMAT', message: 'must be a list of objects' });
  else
    for (const [index, externalId] of externalIds.entries()) {
      const path = `externalIds.${index}`;
      readTexts(externalId, externalIdParts, `${path}.`);
      for (const part of externalIdParts)
        if ((externalId[part] ?? null) === null)
          fields.push({ path: `${path}.${part}`, code: 'REQUIRED', message: 'must not be empty' });
    }
  return fields.length > 0 ? { fields } : { input: record as ImportedUser };
}

function notImported(path: string): Pick<FieldProblem, 'code' | 'message'> {
  const why = path === 'password' ? ': the AuthenticationService stores credentials' : '';
  return { code: 'NOT_AVAILABLE', message: `cannot be imported${why}` };
}
