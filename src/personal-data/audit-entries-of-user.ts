/** SQL condition for the audit entries about user `$1`: changes and accesses. */
export const auditEntriesOfUser = '(user_id = $1::uuid OR user_ids @> ARRAY[$1::uuid])';

/** The rest of a SELECT from the group of fields that were read of user `$1`. */
const fromGroupOfUser = `FROM jsonb_array_elements(field_groups) AS field_group
    WHERE (field_group ->> 'lastPosition')::integer >= array_position(user_ids, $1::uuid)
    ORDER BY (field_group ->> 'lastPosition')::integer LIMIT 1`;

/** SQL for the names of the fields of user `$1` that an audit entry about this user names. */
export const auditedFieldsOfUser = `CASE WHEN user_ids IS NULL THEN fields ELSE (
    SELECT ARRAY(SELECT jsonb_array_elements_text(field_group -> 'fields')) ${fromGroupOfUser}
  ) END`;

/** SQL for the number of actions on user `$1` that an audit entry stands for: 1, or more for repeated reads. */
export const auditedCountOfUser = `coalesce((SELECT (field_group ->> 'count')::integer ${fromGroupOfUser}), 1)`;

/** SQL for the values of a change of user `$1`, still encrypted, with the id of the entry; null if there are none. */
export const encryptedChangesOfUser = `CASE WHEN user_id = $1::uuid AND action NOT LIKE 'LEGAL_HOLD_%'
    AND encrypted_values IS NOT NULL
  THEN jsonb_build_object('entryId', audit_entries.id, 'values', encode(encrypted_values, 'base64')) END`;
