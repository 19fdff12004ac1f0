const unstorable = /[\u0000\p{Surrogate}]/gu;

/** Returns the first 1,000 UTF-16 units of a text, with NUL and unpaired surrogates replaced: PostgreSQL stores neither. */
export function storable(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, 1000).replace(unstorable, '\uFFFD');
}

/** Returns a value as JSON. Its strings, of any length, are storable; names of members are not replaced. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'string' ? inner.replace(unstorable, '\uFFFD') : inner,
  );
}
