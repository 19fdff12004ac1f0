const maxBodyBytes = 16_384;
const maxReasonCodePoints = 200;
const reasonFields = ['reason', 'message', 'detail', 'title'] as const;

/** Replaces a reason that is missing or contains the password. */
export const unstatedRefusal = 'The credentials were not accepted.';

/**
 * Returns why credentials were refused, from the response's JSON (`reason`, `message`, `detail` or `title`): one line
 * of at most 200 code points without the password. Returns `unstatedRefusal` if there is none, or if the body is
 * too long or incomplete. Never rejects.
 */
export async function readRefusalReason(response: Response, password: string): Promise<string> {
  try {
    return toRefusalReason(JSON.parse(await readBody(response)), password);
  } catch {
    return unstatedRefusal;
  }
}

/** Returns the cleaned reason of a parsed response; the pure part of `readRefusalReason`. */
export function toRefusalReason(body: unknown, password: string): string {
  if (typeof body !== 'object' || body === null) return unstatedRefusal;
  for (const field of reasonFields) {
    const raw: unknown = (body as Record<string, unknown>)[field];
    if (typeof raw !== 'string') continue;
    const line = raw.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
    if (!line) continue;
    // Checked before the reason is truncated, which could leave the beginning of the password.
    if (contains(raw, password)) return unstatedRefusal;
    const points = [...line];
    return points.length > maxReasonCodePoints
      ? `${points.slice(0, maxReasonCodePoints - 1).join('')}…`
      : line;
  }
  return unstatedRefusal;
}

/** Ignores case, spacing and escaping: the service may have quoted or normalised the password. */
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
