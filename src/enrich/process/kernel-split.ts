/**
 * Where a server's time went: puts the times of packets (capture time) and of the process's reads and writes (the
 * kernel's monotonic clock) together. Null rather than a guess.
 */
import type { Flow } from "../../core/flow.ts";
import type { Micros } from "../../core/units.ts";
import { clientEnd, ownersOf } from "./flow-owners.ts";
import type { Era } from "./kernel-clock.ts";
import type { SocketEntry } from "./socket-table.ts";
import type { KernelTimes } from "./tier.ts";
import type { Turn, TurnLog } from "./turn-log.ts";

/** A write is reported so long after it at the latest, microseconds; what is not there by then does not come. */
const REPORTED = 1_000_000;

export class KernelSplit {
  private readonly turns: TurnLog;
  private readonly clock: { readonly eras: readonly Era[] };
  private readonly drain: () => void;

  /** `drain` takes in what the kernel has reported by now. */
  constructor(turns: TurnLog, clock: { readonly eras: readonly Era[] }, drain: () => void) {
    this.turns = turns;
    this.clock = clock;
    this.drain = drain;
  }

  /** Of the exchange whose request's last octet was seen at `requestEnd`, and its response's first at `responseStart`. */
  times(flow: Flow, requestEnd: Micros, responseStart: Micros): KernelTimes | null {
    const server = ownersOf(flow).ends[1 - clientEnd(flow)].socket;
    if (server === null || responseStart < requestEnd) return null;
    // mostly one; an exchange in none of them had the wall clock set in its midst
    for (const { seconds, rest, from, to } of this.clock.eras) {
      const asked = requestEnd - seconds * 1_000_000 - rest;
      const answered = responseStart - seconds * 1_000_000 - rest;
      if (asked < from || answered > to) continue;
      const turn = this.turn(server, asked, answered);
      if (turn !== null) return split(turn, asked, answered);
    }
    return null;
  }

  private turn(server: SocketEntry, asked: number, answered: number): Turn | null {
    const turn = this.turns.take(server, asked, answered);
    if (turn !== null || this.turns.newest > answered + REPORTED) return turn;
    this.drain(); // the write may have been reported only just now
    return this.turns.take(server, asked, answered);
  }
}

/** In whole microseconds, as packets have them. */
function split({ read, write }: Turn, asked: number, answered: number): KernelTimes {
  // the kernel reports a write when it is done, on a quiet socket after the packet has left
  const written = Math.min(write, answered);
  return {
    requestWait: Math.max(0, Math.round(read - asked)),
    process: Math.max(0, Math.round(written - read)),
    responseWait: Math.max(0, Math.round(answered - write)),
  };
}
