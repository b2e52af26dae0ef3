/**
 * When server processes read and then wrote, for all sockets in one bounded log, until the packets of the exchange are
 * looked at. Those come later by as much as the packet ring holds, and a busy connection has thousands of turns
 * meanwhile: so nobody has a share, and what is pushed out is the oldest of all. Times are microseconds of the kernel's
 * monotonic clock. Pure, no allocation but growth.
 */

/** Of a socket, and nothing else may write it: its turns in the log, oldest first. */
export interface TurnOwner {
  firstTurn: number;
  lastTurn: number;
}

export interface Turn {
  /** The last read before the write. */
  readonly read: number;
  /** The first write behind it. */
  readonly write: number;
}

/** For `TurnOwner`: no turn. */
export const NO_TURN = -1;

/** Numbers of turns start again there. A multiple of every size. */
const WRAP = 0x3fffffff;
const FEW = 64;
/** Some 4 MiB, and more turns than a packet ring of 64 MiB holds exchanges. */
const MOST = 1 << 17;
/** Packets do not wait longer than that, microseconds: for older turns the log does not grow. */
const WAITED_FOR = 10_000_000;
/** Two clocks that are told apart to the microsecond, and times cut to whole ones. */
const SLACK = 10;

export class TurnLog {
  private readonly most: number;
  /** Read and write of each turn. */
  private times = new Float64Array(2 * FEW);
  /** The same socket's next turn. */
  private next = new Int32Array(FEW);
  /** Null where a turn was taken. */
  private owners: (TurnOwner | null)[] = new Array(FEW).fill(null);
  private mask = FEW - 1;
  /** Number of the next turn. */
  private number = 0;
  private newestWrite = Number.NEGATIVE_INFINITY;

  /** `most`: how many turns are kept, a power of two from 64 on. */
  constructor(most = MOST) {
    this.most = most;
  }

  /** The newest write: turns up to there were reported. */
  get newest(): number {
    return this.newestWrite;
  }

  add(owner: TurnOwner, read: number, write: number): void {
    let slot = this.number & this.mask;
    const former = this.owners[slot];
    if (former !== null) {
      // the oldest of all is the oldest of its own socket
      if (this.mask + 1 >= this.most || write - this.times[2 * slot + 1] > WAITED_FOR) this.dropFirst(former);
      else slot = this.grow();
    }
    this.times[2 * slot] = read;
    this.times[2 * slot + 1] = write;
    this.next[slot] = NO_TURN;
    this.owners[slot] = owner;
    if (owner.firstTurn === NO_TURN) owner.firstTurn = this.number;
    else this.next[owner.lastTurn & this.mask] = this.number;
    owner.lastTurn = this.number;
    this.number = (this.number + 1) & WRAP;
    this.newestWrite = write;
  }

  /**
   * The turn that answered a request which ended at `from` with a response which began at `to`: the first that read
   * behind it. Given out once, and older ones are let go of, because exchanges of a connection are asked about in their
   * order. What a second response asks for in vain was written in the same turn (pipelining).
   */
  take(owner: TurnOwner, from: number, to: number): Turn | null {
    while (owner.firstTurn !== NO_TURN) {
      const slot = owner.firstTurn & this.mask;
      const read = this.times[2 * slot];
      if (read > to + SLACK) return null;
      this.dropFirst(owner);
      if (read >= from - SLACK) return { read, write: this.times[2 * slot + 1] };
    }
    return null;
  }

  /** Nobody will ask about this socket any more. */
  forget(owner: TurnOwner): void {
    while (owner.firstTurn !== NO_TURN) this.dropFirst(owner);
  }

  private dropFirst(owner: TurnOwner): void {
    const slot = owner.firstTurn & this.mask;
    this.owners[slot] = null;
    owner.firstTurn = this.next[slot];
    if (owner.firstTurn === NO_TURN) owner.lastTurn = NO_TURN;
  }

  /** Twice as many; every turn keeps its number. Gives the slot of the next turn. */
  private grow(): number {
    const size = this.mask + 1;
    const { times, next, owners } = this;
    this.times = new Float64Array(4 * size);
    this.next = new Int32Array(2 * size);
    this.owners = new Array(2 * size).fill(null);
    this.mask = 2 * size - 1;
    for (let back = 1; back <= size; back++) {
      const number = (this.number - back) & WRAP;
      const from = number & (size - 1);
      const to = number & this.mask;
      this.times[2 * to] = times[2 * from];
      this.times[2 * to + 1] = times[2 * from + 1];
      this.next[to] = next[from];
      this.owners[to] = owners[from];
    }
    return this.number & this.mask;
  }
}
