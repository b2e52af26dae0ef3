import { endianness } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseNames } from "./accounts.ts";
import { bracketNumber, parseStat } from "./proc-files.ts";
import { addressKey, findConnection, findListeners, localAddresses } from "./proc-net.ts";
import { SocketTuple } from "./socket-tuple.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const TAIL = "00000000:00000000 00:00000000 00000000     0        0";
const TCP = `${HEAD}   0: 0100007F:1F90 00000000:0000 0A ${TAIL} 138 1 0
   1: 0100007F:1F90 0100007F:C350 01 ${TAIL} 4242 1 0
   2: 0100007F:C350 0100007F:1F90 06 ${TAIL} 0 1 0\n`;
const TCP6 = `${HEAD}   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A ${TAIL} 139 1 0
   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C351 01 ${TAIL} 77 1 0
   2: B80D0120000000000000000001000000:0050 B80D0120000000000000000002000000:C352 01 ${TAIL} 88 1 0\n`;

function tuple(local: number[], localPort: number, remote: number[], remotePort: number): SocketTuple {
  const [local0, local1, local2, local3] = local;
  const [remote0, remote1, remote2, remote3] = remote;
  return Object.assign(new SocketTuple(), {
    ...{ local0, local1, local2, local3, localPort, remote0, remote1, remote2, remote3, remotePort },
  });
}
const LOOPBACK = [0, 0, 0xffff, 0x7f000001];

describe.skipIf(endianness() !== "LE")("/proc/net/tcp", () => {
  test("finds a connection by its tuple", () => {
    expect(findConnection(TCP, tuple(LOOPBACK, 8080, LOOPBACK, 50000), false)).toBe(4242);
    expect(findConnection(TCP, tuple(LOOPBACK, 50000, LOOPBACK, 8080), false)).toBe(0);
    expect(findConnection(TCP, tuple(LOOPBACK, 8080, LOOPBACK, 50009), false)).toBe(-1);
    expect(findConnection(TCP6, tuple(LOOPBACK, 8080, LOOPBACK, 50001), true)).toBe(77);
    const ends = [1, 2].map((last) => [0x20010db8, 0, 0, last]);
    expect(findConnection(TCP6, tuple(ends[0], 80, ends[1], 50002), true)).toBe(88);
    expect(findConnection(TCP, tuple(LOOPBACK, 8080, [0, 0, 0, 0], 0), false)).toBe(-1); // a listener is no connection
  });

  test("finds the listeners of a port", () => {
    const found = new Set<number>();
    findListeners(TCP, 8080, found);
    findListeners(TCP6, 8080, found);
    findListeners(TCP6, 80, found);
    expect([...found]).toEqual([138, 139]);
  });
});

test("addresses that a namespace calls its own", () => {
  const trie = `Main:
  +-- 192.0.2.0/24 2 0 2
     |-- 192.0.2.0
        /24 link UNICAST
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST\n`;
  const inet6 = "fd000000000000000000000000000002 04 40 00 82     eth0\n";
  expect(localAddresses(trie, inet6)).toEqual(
    new Set([addressKey(0, 0, 0xffff, 0xc0000202), addressKey(0xfd000000, 0, 0, 2)]),
  );
});

test("/proc/PID/stat of a process that calls itself strange things", () => {
  const numbers = "S 1 7 7 0 -1 4194560 1 5 2 6 10 20 3 4 20 0 1 0 12345 1000 200";
  expect(parseStat(`42 (a) b (c)) ${numbers}`)).toEqual({
    comm: "a) b (c)",
    state: "S",
    ppid: 1,
    childFaults: 11,
    childTicks: 7,
    startTicks: 12345,
  });
  expect(parseStat("42 (x")).toBeNull();
  expect(parseStat("")).toBeNull();
});

test("names of users: the first of a number counts", () => {
  const text = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# no\nwww-data:x:33:33::/:\nbad:x:y:0\n:x:5:5\n";
  expect([...parseNames(text)]).toEqual([
    [0, "root"],
    [33, "www-data"],
  ]);
});

test("no text makes a parser throw", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      parseStat(one);
      parseNames(one);
      bracketNumber(one);
      localAddresses(one, other);
      findConnection(one, tuple(LOOPBACK, 1, LOOPBACK, 2), true);
      findListeners(one, 1, new Set());
    }),
  );
});
