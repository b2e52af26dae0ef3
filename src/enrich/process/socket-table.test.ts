import { describe, expect, test } from "vitest";
import { Flow } from "../../core/flow.ts";
import { Ledger } from "../../core/ledger.ts";
import { ProcessRecord } from "./process-table.ts";
import { ANY_NET, SocketTable } from "./socket-table.ts";
import { SocketTuple } from "./socket-tuple.ts";

const OWN = 1;
const OTHER = 2;
const THIRD = 3;
const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;

function tuple(port: number, local = 0x0a000001): SocketTuple {
  return Object.assign(new SocketTuple(), {
    ...{ local2: 0xffff, local3: local, localPort: port, remote2: 0xffff, remote3: 0x0a000002, remotePort: 80 },
  });
}

function flow(start: number, end: number, handshakeSeen = true): Flow {
  return Object.assign(new Flow(), { startTime: START + start, lastTime: START + end, handshakeSeen });
}

const record = (pid: number) => new ProcessRecord(pid, 0, 0, { pid, comm: "x", uid: 0 });

describe("sockets by tuple", () => {
  const ledger = new Ledger();
  let cookies = 0;

  function opened(table: SocketTable, port: number, pid: number, at: number, net = OWN, local?: number): number {
    const entry = table.entry(++cookies, net, tuple(port, local), START + at);
    entry.record = record(pid);
    return entry.cookie;
  }
  const find = (table: SocketTable, port: number, one: Flow, local?: number) =>
    table.find(tuple(port, local), one)?.record?.pid;

  test("a port used again is two sockets: each flow finds its own", () => {
    const table = new SocketTable(OWN, ledger);
    const first = opened(table, 4000, 1, 100);
    table.close(first, START + 2_000);
    opened(table, 4000, 2, 10_000);
    expect(find(table, 4000, flow(0, 2_000))).toBe(1);
    expect(find(table, 4000, flow(9_900, 20_000))).toBe(2);
    expect(find(table, 4000, flow(50_000, 60_000))).toBeUndefined(); // a third one that nobody told of
    expect(find(table, 4000, flow(15_000, 16_000, false))).toBe(2); // joined in the middle
    expect(find(table, 4001, flow(0, 2_000))).toBeUndefined();
    expect(find(table, 4000, flow(0, 20_000))).toBe(1); // its last packet came late
    expect(find(table, 4000, flow(0, 20_000, false))).toBeUndefined();
  });

  test("a socket whose close was lost ends when its tuple is used again", () => {
    const table = new SocketTable(OWN, ledger);
    opened(table, 4000, 1, 100);
    opened(table, 4000, 2, 10_000);
    expect(find(table, 4000, flow(9_900, 20_000))).toBe(2);
    expect(find(table, 4000, flow(0, 9_000))).toBe(1);
    expect(find(table, 4000, flow(10_900, 20_000, false))).toBe(2);
    const untold = new SocketTable(ANY_NET, ledger);
    opened(untold, 4000, 1, 100, ANY_NET);
    opened(untold, 4000, 2, 200, ANY_NET);
    expect(find(untold, 4000, flow(0, 20_000))).toBeUndefined(); // may be of two namespaces
  });

  test("a socket older than us belongs to a flow joined in the middle, or begun before the list was made", () => {
    const table = new SocketTable(OWN, ledger);
    opened(table, 4000, 1, 0);
    table.known(cookies)!.seed = true;
    expect(find(table, 4000, flow(5_000, 6_000, false))).toBe(1);
    expect(find(table, 4000, flow(-50, 6_000))).toBe(1);
    expect(find(table, 4000, flow(5_000, 6_000))).toBeUndefined();
  });

  test("equal tuples in namespaces: the capture's own counts, two others are no answer", () => {
    const table = new SocketTable(OWN, ledger);
    opened(table, 4000, 1, 10, OTHER);
    expect(find(table, 4000, flow(0, 100))).toBe(1);
    opened(table, 4000, 2, 10, THIRD);
    expect(find(table, 4000, flow(0, 100))).toBeUndefined();
    opened(table, 4000, 3, 10, OWN);
    expect(find(table, 4000, flow(0, 100))).toBe(3);
    opened(table, 4001, 4, 10, OTHER, 0x7f000001);
    expect(find(table, 4001, flow(0, 100), 0x7f000001)).toBeUndefined(); // another namespace's loopback
  });

  test("closed sockets go after a while, a full table drops the oldest and counts it", () => {
    const table = new SocketTable(OWN, ledger);
    const first = opened(table, 4000, 1, 0);
    opened(table, 4000, 2, 0);
    table.close(first, START);
    table.expire(START + 299 * SECOND);
    expect(table.size).toBe(2);
    table.expire(START + 301 * SECOND);
    expect(table.size).toBe(1);
    const many = Array.from({ length: 20_000 }, (_, port) => opened(table, port, 1, 0, OWN, 0x0a000009));
    for (const cookie of many) table.close(cookie, START);
    table.expire(START + 9 * SECOND);
    expect(table.size).toBe(20_001);
    table.expire(START + 11 * SECOND); // more than there is room for: only the newest stay
    expect(table.size).toBe(16_384);
    table.expire(START + 301 * SECOND);
    expect(table.size).toBe(1);
    expect(ledger.evicted.get("sockets")).toBeUndefined();
    for (let count = 0; count < 66_000; count++) opened(table, count & 0xffff, 1, 0);
    expect(table.size).toBeLessThanOrEqual(65_536);
    expect(ledger.evicted.get("sockets")).toBe(66_000 + 1 - table.size);
  });

  test("a socket that is let go of lets go of its turns", () => {
    const table = new SocketTable(OWN, ledger);
    const kept = table.known(opened(table, 4000, 1, 0))!;
    const gone = table.known(opened(table, 4001, 1, 0))!;
    for (const entry of [kept, gone]) for (const time of [10, 20]) table.turns.add(entry, time, time + 1);
    table.close(gone.cookie, START);
    table.expire(START + 301 * SECOND);
    expect(table.turns.take(gone, 0, 100)).toBeNull();
    expect(table.turns.take(kept, 0, 100)).toEqual({ read: 10, write: 11 });
  });
});
