const MAX_BODY_BYTES = 16_384;
const MAX_REASON_CODE_POINTS = 200;
const REASON_FIELDS = ['reason', 'message', 'detail', 'title'] as const;

/** What is said when the AuthenticationService gives no reason, or none that may be passed on. */
export const UNSTATED_REFUSAL = 'The credentials were not accepted.';

/**
 * Reads why credentials were refused from the answer's JSON (`reason`, `message`, `detail` or `title`): one
 * line of at most 200 code points that does not contain the password. Answers a general sentence when there
 * is none, also when the body is too long or breaks off, and never rejects.
 */
export async function readRefusalReason(response: Response, password: string): Promise<string> {
  try {
    return toRefusalReason(JSON.parse(await readBody(response)), password);
  } catch {
    return UNSTATED_REFUSAL;
  }
}

/** Picks and cleans the reason of a parsed answer; the pure part of `readRefusalReason`. */
export function toRefusalReason(answer: unknown, password: string): string {
  if (typeof answer !== 'object' || answer === null) return UNSTATED_REFUSAL;
  for (const field of REASON_FIELDS) {
    const raw: unknown = (answer as Record<string, unknown>)[field];
    if (typeof raw !== 'string') continue;
    const line = raw.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
    if (!line) continue;
    // Looked for before the reason is cut, or its beginning could survive at the end.
    if (contains(raw, password)) return UNSTATED_REFUSAL;
    const points = [...line];
    return points.length > MAX_REASON_CODE_POINTS
      ? `${points.slice(0, MAX_REASON_CODE_POINTS - 1).join('')}…`
      : line;
  }
  return UNSTATED_REFUSAL;
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
    if (bytes > MAX_BODY_BYTES) throw new RangeError('body too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
