import { addressParts } from '../../users/user.entity';
import type { FieldProblem } from '../../users/user.errors';
import { type ImportedUser, statusFields } from '../../users/user-import';
import { profileFields } from '../../users/user-profile';

/** The fields of a row that are text. `address` and `externalIds` have texts inside, and are checked separately. */
export const textFields = [
  'userId',
  ...profileFields.filter((field) => field !== 'address'),
  ...statusFields,
] as const satisfies readonly (keyof ImportedUser)[];

const externalIdParts = ['system', 'id'] as const;

/**
 * Returns the user in a record, or its problems: unknown fields, values of a wrong type, and incomplete external ids.
 */
export function readUserRow(
  record: Readonly<Record<string, unknown>>,
): { input: ImportedUser } | { fields: FieldProblem[] } {
  const fields: FieldProblem[] = [];
  const checkTexts = (from: object, names: readonly string[], prefix: string) => {
    for (const [name, value] of Object.entries(from)) {
      const path = `${prefix}${name}`;
      if (path === 'address' || path === 'externalIds') continue;
      if (!names.includes(name)) fields.push({ path, ...notImported(path) });
      else if (value !== null && typeof value !== 'string')
        fields.push({ path, code: 'INVALID_FORMAT', message: 'must be text' });
    }
  };
  checkTexts(record, textFields, '');
  const address = record['address'] ?? null;
  if (typeof address !== 'object' || Array.isArray(address))
    fields.push({ path: 'address', code: 'INVALID_FORMAT', message: 'must be an object' });
  else if (address) checkTexts(address, addressParts, 'address.');
  const externalIds = record['externalIds'] ?? [];
  if (!Array.isArray(externalIds) || externalIds.some((it) => typeof it !== 'object' || it === null))
    fields.push({ path: 'externalIds', code: 'INVALID_FORMAT', message: 'must be a list of objects' });
  else
    for (const [index, externalId] of externalIds.entries()) {
      const path = `externalIds.${index}`;
      checkTexts(externalId, externalIdParts, `${path}.`);
      // `UserImport` requires both parts to be text.
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
