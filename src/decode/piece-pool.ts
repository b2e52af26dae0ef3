/**
 * Pieces of datagrams with their buffers, used again and again. Takes a length, gives a piece whose buffer is of the next
 * power of two; keeps what comes back, up to a limit.
 */
const SMALLEST = 6; // 64 octets
const LARGEST = 16; // 65,536 octets: no IP payload is longer

export class Piece {
  /** `[start, end)` of the datagram's payload; `length` octets of it were captured: fewer when the snap length cut it. */
  start = 0;
  end = 0;
  length = 0;
  readonly bytes: Uint8Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }
}

export class PiecePool {
  private readonly keepBytes: number;
  private keptBytes = 0;
  /** Free pieces by the logarithm of their buffer's length. */
  private readonly free: Piece[][] = Array.from({ length: LARGEST + 1 }, () => []);

  constructor(keepBytes: number) {
    this.keepBytes = keepBytes;
  }

  /** A piece with room for `length` octets, and anything in it. */
  take(length: number): Piece {
    const size = Math.max(SMALLEST, 32 - Math.clz32(Math.max(length, 1) - 1));
    const piece = this.free[size].pop();
    if (piece === undefined) return new Piece(1 << size);
    this.keptBytes -= piece.bytes.length;
    return piece;
  }

  give(piece: Piece): void {
    const size = piece.bytes.length;
    if (this.keptBytes + size > this.keepBytes) return;
    this.keptBytes += size;
    this.free[31 - Math.clz32(size)].push(piece);
  }
}
