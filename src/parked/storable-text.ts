const unstorable = /[\u0000\p{Surrogate}]/gu;

/** Text as PostgreSQL can keep it: without NUL, without halves of characters. */
export function storable(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, 1000).replace(unstorable, '\uFFFD');
}

/** As `storable`, for a value of any shape, as JSON. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'string' ? inner.replace(unstorable, '\uFFFD') : inner,
  );
}
