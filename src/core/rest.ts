/**
 * How a flow that is not used for a while is put away: as some 60 numbers, from which it is made again when it goes on.
 * As objects it takes 2 kB, and tens of thousands of connections wait at the same time for somebody to say something.
 */
import type { Flow } from "./flow.ts";
import type { FlowParser } from "./protocol.ts";

/** Room of a record: whole numbers of 32 bits, and others. What has more to say is not put away. */
export const REST_INTS = 64;
export const REST_FLOATS = 24;

/** The numbers of one flow: written one after the other, read in the same order. Lent. */
export class RestRecord {
  private ints: Int32Array;
  private floats: Float64Array;
  private nextInt = 0;
  private intEnd = 0;
  private nextFloat = 0;
  private floatEnd = 0;

  constructor(ints: Int32Array, floats: Float64Array) {
    this.ints = ints;
    this.floats = floats;
  }

  /** Begins with a record's first number behind `skip` whole ones. */
  open(record: number, skip: number): this {
    this.nextInt = record * REST_INTS + skip;
    this.intEnd = (record + 1) * REST_INTS;
    this.nextFloat = record * REST_FLOATS;
    this.floatEnd = (record + 1) * REST_FLOATS;
    return this;
  }

  /** More was written than there is room for: what was written is of no use. */
  get overfull(): boolean {
    return this.nextInt > this.intEnd || this.nextFloat > this.floatEnd;
  }

  /** A whole number of 32 bits, signed. */
  putInt(value: number): void {
    if (this.nextInt < this.intEnd) this.ints[this.nextInt] = value;
    this.nextInt++;
  }

  putFloat(value: number): void {
    if (this.nextFloat < this.floatEnd) this.floats[this.nextFloat] = value;
    this.nextFloat++;
  }

  takeInt(): number {
    return this.ints[this.nextInt++];
  }

  takeFloat(): number {
    return this.floats[this.nextFloat++];
  }
}

/** Makes a parser again of what it has written when it was put away. */
export interface Waker {
  wake(flow: Flow, record: RestRecord): FlowParser;
}
