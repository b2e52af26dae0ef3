/**
 * The newest rows of something, numbered from 1 in the order they came, bounded by a number of rows and by a number of
 * bytes. A row's number stays its own, so a selection or a list of matches survives what falls out behind it.
 */

export interface RingLimits {
  readonly rows: number;
  readonly bytes: number;
}

export class Ring<Row> {
  private readonly slots: (Row | undefined)[];
  private readonly sizes: Float64Array;
  private readonly limits: RingLimits;
  /** Number of the oldest row kept; `newest + 1` when empty. */
  oldest = 1;
  /** Number of the newest row; 0 when none came. */
  newest = 0;
  bytes = 0;

  constructor(limits: RingLimits) {
    this.limits = limits;
    this.slots = new Array<Row | undefined>(limits.rows).fill(undefined);
    this.sizes = new Float64Array(limits.rows);
  }

  get length(): number {
    return this.newest - this.oldest + 1;
  }

  /** Rows that fell out. */
  get gone(): number {
    return this.oldest - 1;
  }

  push(row: Row, size_bytes: number): void {
    if (this.length >= this.limits.rows) this.dropOldest();
    const slot = ++this.newest % this.slots.length;
    this.slots[slot] = row;
    this.sizes[slot] = size_bytes;
    this.bytes += size_bytes;
    while (this.bytes > this.limits.bytes && this.length > 1) this.dropOldest();
  }

  /** The row with a number; undefined when it fell out or never was. */
  get(number: number): Row | undefined {
    return number >= this.oldest && number <= this.newest ? this.slots[number % this.slots.length] : undefined;
  }

  private dropOldest(): void {
    const slot = this.oldest++ % this.slots.length;
    this.bytes -= this.sizes[slot];
    this.slots[slot] = undefined;
  }
}
