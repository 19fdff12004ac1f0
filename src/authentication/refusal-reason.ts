const maxBodyBytes = 16_384;
const maxReasonCodePoints = 200;
const reasonFields = ['reason', 'message', 'detail', 'title'] as const;

/** What is said when the AuthenticationService gives no reason, or none that may be passed on. */
export const unstatedRefusal = 'The credentials were not accepted.';

/**
 * Reads why credentials were refused from the answer's JSON (`reason`, `message`, `detail` or `title`): one
 * line of at most 200 code points that does not contain the password. Answers a general sentence when there
 * is none, also when the body is too long or breaks off, and never rejects.
 */
export async function readRefusalReason(response: Response, password: string): Promise<string> {
  try {
    return toRefusalReason(JSON.parse(await readBody(response)), password);
  } catch {
    return unstatedRefusal;
  }
}

/** Picks and cleans the reason of a parsed answer; the pure part of `readRefusalReason`. */
export function toRefusalReason(answer: unknown, password: string): string {
  if (typeof answer !== 'object' || answer === null) return unstatedRefusal;
  for (const field of reasonFields) {
    const raw: unknown = (answer as Record<string, unknown>)[field];
    if (typeof raw !== 'string') continue;
    const line = raw.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
    if (!line) continue;
    // Looked for before the reason is cut, or its beginning could survive at the end.
    if (contains(raw, password)) return unstatedRefusal;
    const points = [...line];
    return points.length > maxReasonCodePoints
      ? `${points.slice(0, maxReasonCodePoints - 1).join('')}…`
      : line;
  }
  return unstatedRefusal;
}

/** Without regard to case, spacing and escaping: a service may have quoted or tidied what it was given. */
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
