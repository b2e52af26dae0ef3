/** The reader on blocks made by hand, as the kernel lays them out: no socket, no privilege. */
import { describe, expect, test } from "vitest";
import { INCOMING, OUTGOING, type PacketHandler, type RawPacket } from "../../core/packet.ts";
import { BlockReader } from "./block-reader.ts";
import { InterfaceTable, linkTypeOf, MAX_INTERFACES } from "./interface-table.ts";
import { BLOCK_BYTES } from "./packet-socket.ts";

interface Made {
  readonly data: readonly number[];
  readonly wireLength?: number;
  readonly vlan?: number;
  readonly index?: number;
  readonly hardwareType?: number;
  readonly packetType?: number;
  readonly protocol?: number;
  /** Octets before the network header. */
  readonly front?: number;
  readonly nanoseconds?: number;
}

const HEADER = 48;
/** Room for the packet's address behind the header, as the kernel leaves it. */
const DATA = 96;

/** Fills block `block` as `struct tpacket_block_desc` and hands it to the reader. */
function fill(memory: ArrayBuffer, block: number, packets: readonly Made[]): void {
  const view = new DataView(memory, block * BLOCK_BYTES, BLOCK_BYTES);
  let at = HEADER;
  view.setUint32(8, 1, true);
  view.setUint32(12, packets.length, true);
  view.setUint32(16, at, true);
  for (const made of packets) {
    const front = made.front ?? 14;
    const next = (DATA + made.data.length + 7) & ~7;
    const length = made.wireLength ?? made.data.length;
    const words = [next, 1_700_000_000, made.nanoseconds ?? 0, made.data.length, length];
    words.push(made.vlan === undefined ? 1 : 0x11, DATA | ((DATA + front) << 16), 0, made.vlan ?? 0);
    words.forEach((word, index) => void view.setUint32(at + index * 4, word, true));
    view.setUint16(at + 50, made.protocol ?? 0x0800, false);
    view.setInt32(at + 52, made.index ?? 5, true);
    view.setUint16(at + 56, made.hardwareType ?? 1, true);
    view.setUint8(at + 58, made.packetType ?? 0);
    new Uint8Array(memory).set(made.data, block * BLOCK_BYTES + at + DATA);
    at += next;
  }
}

const status = (memory: ArrayBuffer, block: number) => new DataView(memory).getUint32(block * BLOCK_BYTES + 8, true);

function reading(memory: ArrayBuffer, onPacket: (raw: RawPacket) => void = () => {}) {
  const seen: (Omit<RawPacket, "bytes" | "start" | "end" | "comment"> & { data: number[] })[] = [];
  const opened: (string | null)[] = [];
  const handler: PacketHandler = {
    interfaceOpened: ({ name }) => void opened.push(name),
    packet(raw) {
      const { bytes, start, end, comment: _, ...rest } = raw;
      seen.push({ ...rest, data: [...bytes.subarray(start, end)] });
      onPacket(raw);
    },
  };
  const names = new Map([
    [1_000_005, "five"],
    [1_000_006, "six"],
  ]);
  const table = new InterfaceTable(names);
  return { reader: new BlockReader(memory, table, handler), table, seen, opened, handler };
}

const numbered = (count: number, first = 0): Made[] =>
  Array.from({ length: count }, (_, index) => ({ data: [first + index, 1, 2], index: 1_000_005 }));

describe("packets", () => {
  test("come with everything their header says", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    const data = Array.from({ length: 60 }, (_, index) => index);
    fill(memory, 0, [
      { data, nanoseconds: 123_456_789, index: 1_000_005 },
      { data, wireLength: 1500, vlan: 0x2007, packetType: 4, index: 1_000_006 },
    ]);
    const { reader, seen, opened } = reading(memory);
    expect(reader.drain(9)).toBe(1);
    expect(seen).toEqual([
      {
        time: 1_700_000_000_123_456,
        linkType: 1,
        wireLength: 60,
        interfaceId: 0,
        direction: INCOMING,
        vlanTag: -1,
        data,
      },
      {
        time: 1_700_000_000_000_000,
        linkType: 1,
        wireLength: 1500,
        interfaceId: 1,
        direction: OUTGOING,
        vlanTag: 0x2007,
        data,
      },
    ]);
    expect(opened).toEqual(["five", "six"]);
    expect(reader.newest).toBe(1_700_000_000_000_000);
  });

  test("without an Ethernet header begin at the IP header", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    const data = [9, 9, 9, 9, 0x45, 1, 2, 3];
    fill(memory, 0, [{ data, hardwareType: 65_534, front: 4, wireLength: 100 }]);
    const { reader, seen } = reading(memory);
    reader.drain(1);
    expect(seen[0]).toMatchObject({ linkType: 101, data: [0x45, 1, 2, 3], wireLength: 96 });
  });

  test("of another protocol get a header that names it", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    fill(memory, 0, [
      { data: [1, 2, 3], hardwareType: 778, packetType: 4, front: 0, protocol: 0x8847 },
      { data: [0x45], hardwareType: 778, front: 0 },
    ]);
    const { reader, seen } = reading(memory);
    reader.drain(1);
    const header = [0, 4, 778 >>> 8, 778 & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x47];
    expect(seen[0]).toMatchObject({ linkType: 113, data: [...header, 1, 2, 3], wireLength: 19 });
    expect(seen[1]).toMatchObject({ linkType: 101, data: [0x45] });
  });

  test("whose network header lies behind what was captured are empty, not backwards", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    fill(memory, 0, [{ data: [1, 2], hardwareType: 65_534, front: 40, wireLength: 100 }]);
    const { reader, seen } = reading(memory);
    reader.drain(1);
    expect(seen[0]).toMatchObject({ data: [], wireLength: 60 });
  });
});

describe("blocks", () => {
  test("are read in a circle and given back", () => {
    const memory = new ArrayBuffer(3 * BLOCK_BYTES);
    const { reader, seen } = reading(memory);
    for (let round = 0; round < 4; round++) {
      const first = (round * 2) % 3;
      fill(memory, first, numbered(2, round * 10));
      fill(memory, (first + 1) % 3, numbered(1, round * 10 + 5));
      expect(reader.drain(3)).toBe(2);
      expect([0, 1, 2].map((block) => status(memory, block))).toEqual([0, 0, 0]);
    }
    const numbers = seen.map(({ data }) => data[0]);
    expect(numbers).toEqual([0, 1, 5, 10, 11, 15, 20, 21, 25, 30, 31, 35]);
  });

  test("are read up to the limit, then later", () => {
    const memory = new ArrayBuffer(3 * BLOCK_BYTES);
    for (const block of [0, 1, 2]) fill(memory, block, numbered(1, block));
    const { reader, seen } = reading(memory);
    expect(reader.drain(2)).toBe(2);
    expect(seen.length).toBe(2);
    expect(status(memory, 2)).toBe(1);
    expect(reader.drain(2)).toBe(1);
    expect(seen.length).toBe(3);
  });

  test("of a handler that throws are given back all the same", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    fill(memory, 0, numbered(3));
    fill(memory, 1, numbered(2, 10));
    const { reader, seen } = reading(memory, ({ bytes, start }) => {
      if (bytes[start] === 1) throw new Error("of a bug");
    });
    expect(() => reader.drain(9)).toThrow("of a bug");
    expect(status(memory, 0)).toBe(0);
    expect(reader.drain(9)).toBe(1);
    expect(seen.map(({ data }) => data[0])).toEqual([0, 1, 10, 11]);
  });

  test("a handler can end it in the middle of one", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    fill(memory, 0, numbered(5));
    fill(memory, 1, numbered(5));
    const { reader, seen } = reading(memory, ({ bytes, start }) => {
      if (bytes[start] === 2) reader.stop();
    });
    reader.drain(9);
    expect(seen.length).toBe(3);
    expect(reader.drain(9)).toBe(0);
  });

  test("after release nobody holds the ring through the lent packet", () => {
    const memory = new ArrayBuffer(2 * BLOCK_BYTES);
    fill(memory, 0, numbered(1));
    let lent: RawPacket | null = null;
    const { reader } = reading(memory, (raw) => {
      lent = raw;
    });
    reader.drain(1);
    reader.release();
    expect((lent as RawPacket | null)?.bytes.length).toBe(0);
  });
});

describe("interfaces", () => {
  test("beyond the limit share one entry, and are counted", () => {
    const { table, handler, opened } = reading(new ArrayBuffer(2 * BLOCK_BYTES));
    for (let index = 0; index < MAX_INTERFACES + 3; index++) table.use(2_000_000 + index, 1, handler);
    expect(opened.length).toBe(MAX_INTERFACES + 1);
    expect(table.overflow).toBe(3);
    expect(table.lastId).toBe(MAX_INTERFACES);
  });

  test("link types by the kernel's hardware type", () => {
    expect([1, 772, 65_534, 778, 803].map(linkTypeOf)).toEqual([1, 1, 101, 101, 127]);
  });
});
