export const idempotencyKeyDescription =
  'Key that identifies the call, at most 200 characters and unique among the calls of the caller. A repeated call with the same key and input has no further effect and returns the current data or the same error. A call with the same key and another input returns `IdempotencyConflictError`. Keys are stored for at least 7 days.';
export const expectedVersionDescription =
  'Version that the user must have. If it has another version, the call returns `VersionConflictError`.';
export const userIdDescription = 'ID of the user.';
