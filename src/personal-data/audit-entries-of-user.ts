/** SQL condition for the audit entries about user `$1`: changes and accesses. */
export const auditEntriesOfUser = '(user_id = $1::uuid OR user_ids @> ARRAY[$1::uuid])';

/** SQL for the names of the fields of user `$1` that an audit entry about this user names. */
export const auditedFieldsOfUser = `CASE WHEN user_ids IS NULL THEN fields ELSE (
    SELECT ARRAY(SELECT jsonb_array_elements_text(field_group -> 'fields'))
    FROM jsonb_array_elements(field_groups) AS field_group
    WHERE (field_group ->> 'lastPosition')::integer >= array_position(user_ids, $1::uuid)
    ORDER BY (field_group ->> 'lastPosition')::integer LIMIT 1
  ) END`;
