const chunkBits = 16n;

/** A set of positions, one bit each: a million of them take some hundred kilobytes. */
export class PositionSet {
  private readonly chunks = new Map<bigint, Uint8Array>();

  /** Returns false if the set already contains the position. */
  add(position: string): boolean {
    const number = BigInt.asUintN(64, BigInt(position));
    const bit = Number(number & ((1n << chunkBits) - 1n));
    const chunk = this.chunkOf(number >> chunkBits);
    const byte = chunk[bit >> 3] ?? 0;
    const mask = 1 << (bit & 7);
    chunk[bit >> 3] = byte | mask;
    return (byte & mask) === 0;
  }

  private chunkOf(number: bigint): Uint8Array {
    const known = this.chunks.get(number);
    if (known) return known;
    const chunk = new Uint8Array(1 << (Number(chunkBits) - 3));
    this.chunks.set(number, chunk);
    return chunk;
  }
}
