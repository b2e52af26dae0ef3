import { describe, expect, test } from "vitest";
import { Flow } from "../../core/flow.ts";
import { Ledger } from "../../core/ledger.ts";
import { ProcessRecord } from "./process-table.ts";
import { ANY_NET, SocketEntry, SocketTable } from "./socket-table.ts";
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

  test("a turn belongs to the exchange whose request ended before its read, and is given once", () => {
    const table = new SocketTable(OWN, ledger);
    const entry = table.entry(++cookies, OWN, tuple(1), START);
    expect(entry.takeTurn(0, START)).toBeNull();
    for (let index = 0; index < 300; index++) entry.addTurn(START + index * 10_000, START + index * 10_000 + 2_000);
    expect(entry.takeTurn(START + 2_899_000, START + 2_903_000)).toEqual({
      read: START + 2_900_000,
      write: START + 2_902_000,
    });
    expect(entry.takeTurn(START + 2_899_000, START + 2_903_000)).toBeNull();
    expect(entry.takeTurn(START + 9_000, START + 13_000)).toBeNull(); // too long ago
  });
});

test("turns of a busy connection: each exchange its own, also many at once, and few kept of a socket nobody asks about", () => {
  const entry = new SocketEntry();
  const turn = (index: number) => ({ read: START + index * 300 + 50, write: START + index * 300 + 90 });
  const ask = (index: number) => entry.takeTurn(START + index * 300 + 20, START + index * 300 + 120);
  const add = (from: number, to: number) => {
    for (let index = from; index < to; index++) entry.addTurn(turn(index).read, turn(index).write);
  };
  add(0, 20);
  // nobody has asked: the newest eight
  expect(ask(19)).toEqual(turn(19));
  add(20, 110);
  for (let index = 109; index >= 20; index--) expect(ask(index)).toEqual(turn(index));
  expect(ask(50)).toBeNull();
  // bounded: of 500 the newest are there
  add(200, 700);
  expect(ask(200)).toBeNull();
  for (let index = 600; index < 700; index++) expect(ask(index)).toEqual(turn(index));
});
