const maxBodyBytes = 16_384;
const maxReasonCodePoints = 200;
const reasonFields = ['reason', 'message', 'detail', 'title'] as const;

/** The reason that is shown if the response has none, or one that must not be shown. */
export const unstatedRefusal = 'The credentials were not accepted.';

/**
 * Returns why credentials were refused: the first non-blank text of `reason`, `message`, `detail` and `title` in the
 * response's JSON, as one line of at most 200 code points. Returns `unstatedRefusal` if there is no such text, if it
 * contains the password, or if the body exceeds 16 KiB or is not complete JSON. Never rejects.
 */
export async function readRefusalReason(response: Response, password: string): Promise<string> {
  try {
    return toRefusalReason(JSON.parse(await readBody(response)), password);
  } catch {
    return unstatedRefusal;
  }
}

/** Returns the reason as `readRefusalReason`, from the parsed body of a response. */
export function toRefusalReason(body: unknown, password: string): string {
  if (typeof body !== 'object' || body === null) return unstatedRefusal;
  for (const field of reasonFields) {
    const raw: unknown = (body as Record<string, unknown>)[field];
    if (typeof raw !== 'string') continue;
    const line = raw.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
    if (!line) continue;
    // The whole text is checked, because the truncated one could end with the beginning of the password.
    if (contains(raw, password)) return unstatedRefusal;
    const points = [...line];
    return points.length > maxReasonCodePoints
      ? `${points.slice(0, maxReasonCodePoints - 1).join('')}…`
      : line;
  }
  return unstatedRefusal;
}

/**
 * True if the text contains the password, also as an escaped JSON string. Ignores case, white space and control
 * characters, because the AuthenticationService may have changed them.
 */
function contains(text: string, password: string): boolean {
  const squeezed = squeeze(text);
  return (
    squeezed.includes(squeeze(password)) || squeezed.includes(squeeze(JSON.stringify(password).slice(1, -1)))
  );
}

function squeeze(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{C}\s]+/gu, '');
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw new RangeError('body too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
