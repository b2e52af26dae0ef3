/** Both clocks of a kernel of our own, whose wall clock gets set; and the kernel's times put beside those of packets. */
import { describe, expect, test } from "vitest";
import { Flow } from "../../core/flow.ts";
import { ownersOf } from "./flow-owners.ts";
import { KernelClock } from "./kernel-clock.ts";
import { KernelSplit } from "./kernel-split.ts";
import { SocketEntry } from "./socket-table.ts";
import type { SystemCalls } from "./system-calls.ts";
import { TurnLog } from "./turn-log.ts";

const MONOTONIC = 1;
const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;
/** Time between two system calls, microseconds. */
const CALL = 0.7;

/** All times in microseconds since the machine was started; the wall clock then showed `START`. */
class Machine {
  now = 100 * SECOND;
  wall = START;
  private readonly calls = {
    clockGetTime: (clock: number, into: Buffer) => {
      this.now += CALL;
      const nanoseconds = BigInt(Math.round(this.now * 1000)) + (clock === MONOTONIC ? 0n : BigInt(this.wall) * 1000n);
      into.writeBigInt64LE(nanoseconds / 1_000_000_000n, 0);
      into.writeBigInt64LE(nanoseconds % 1_000_000_000n, 8);
      return 0;
    },
  };
  readonly clock = new KernelClock(this.calls as unknown as SystemCalls);
  private readonly turns = new TurnLog();
  private readonly flow = new Flow();
  private readonly socket = new SocketEntry();
  private readonly split = new KernelSplit(this.turns, this.clock, () => {});

  constructor() {
    this.flow.clientHalf = 0;
    ownersOf(this.flow).ends[1].socket = this.socket;
  }

  /** Time goes on, and the clocks are looked at as often as packets come. */
  wait(length: number): void {
    const end = this.now + length;
    while (this.now < end) {
      this.clock.refresh(this.now / 1000);
      this.now += Math.min(2_000, Math.max(0, end - this.now));
    }
  }

  /** What a packet is stamped with. */
  get stamp(): number {
    return Math.floor(this.wall + this.now);
  }

  /** An exchange with these lengths of time, and the wall clock set by `steps` in them. */
  exchange(steps: readonly number[] = []): () => unknown {
    const pause = (length: number, step = 0) => {
      this.wait(length / 2);
      this.wall += step;
      this.wait(length / 2);
    };
    const requestEnd = this.stamp;
    pause(20_000, steps[0]);
    const read = this.now;
    pause(40_000, steps[1]);
    const write = this.now;
    pause(10_000, steps[2]);
    this.turns.add(this.socket, read, write);
    const responseStart = this.stamp;
    return () => {
      const times = this.split.times(this.flow, requestEnd, responseStart);
      return times && Object.values(times).map((time) => Math.round(time / 1_000));
    };
  }
}

const RIGHT = [20, 40, 10];

describe("the kernel's time and the packets'", () => {
  test("known to the microsecond, and better with each reading", () => {
    const machine = new Machine();
    machine.wait(SECOND);
    expect(machine.clock.eras.length).toBe(1);
    const { seconds, rest } = machine.clock.eras[0];
    expect(Math.abs(seconds * SECOND + rest - machine.wall)).toBeLessThan(CALL);
    expect(Math.abs(machine.clock.toRealTime(machine.now * 1000) - machine.stamp)).toBeLessThanOrEqual(1);
    expect(machine.exchange()()).toEqual(RIGHT);
  });

  test.each([3_600 * SECOND, 30 * SECOND, 70_000, 5_000, 300, -300, -5_000, -70_000, -30 * SECOND, -3_600 * SECOND])(
    "the wall clock is set by %i: before and behind it right, in its midst not told",
    (step) => {
      const machine = new Machine();
      machine.wait(100_000);
      const before = [1, 2, 3].map(() => machine.exchange());
      const open = machine.now;
      machine.wait(200_000);
      machine.wall += step;
      machine.wait(200_000);
      const behind = [1, 2, 3].map(() => machine.exchange());
      expect(before.map((ask) => ask())).toEqual([RIGHT, RIGHT, RIGHT]);
      expect(behind.map((ask) => ask())).toEqual([RIGHT, RIGHT, RIGHT]);
      // what happened before is told by the clock of that time
      expect(Math.abs(machine.clock.toRealTime(open * 1000) - (START + open))).toBeLessThanOrEqual(1);
      for (const place of [0, 1, 2]) {
        const steps = [0, 0, 0];
        steps[place] = step;
        expect(machine.exchange(steps)()).toBeNull();
        machine.wait(Math.min(Math.abs(step), 100_000));
        expect(machine.exchange()()).toEqual(RIGHT);
      }
      expect(machine.clock.eras.length).toBe(4);
      machine.wait(61 * SECOND);
      expect(machine.clock.eras.length).toBe(1);
    },
  );
});
