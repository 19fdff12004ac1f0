/** The parts of a URL of Sentinels, still encoded. */
export interface SentinelUrl {
  /** User and password as in the URL, such as `user:password`. */
  readonly credentials: string;
  /** The addresses of the Sentinels. */
  readonly hosts: readonly string[];
  /** The name under which the Sentinels know the primary. */
  readonly name: string;
  /** The index of the database. */
  readonly db: number;
}

const pattern = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^,/@]+(?:,[^,/@]+)*)\/([^/?]+)(?:\/(\d+))?$/;

/** Returns the parts of `redis+sentinel://user:password@host:port,host:port/name/0`, or null for another text. */
export function splitSentinelUrl(text: string): SentinelUrl | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, credentials = '', hosts = '', name = '', db = '0'] = match;
  return { credentials, hosts: hosts.split(','), name, db: Number(db) };
}
