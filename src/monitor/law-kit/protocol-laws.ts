/**
 * The laws that a protocol keeps, checked in the real flow table with real segments: cut anywhere, out of order, twice,
 * damaged. Takes a plug-in with the protocol and dialogues in it, throws LawBroken.
 */
import type { EarshotEvent } from "../../core/event.ts";
import { Flow } from "../../core/flow.ts";
import { Ledger } from "../../core/ledger.ts";
import { ACK, Packet, SYN } from "../../core/packet.ts";
import type { Plugin } from "../../core/roles.ts";
import { FlowTable } from "../../flow/table.ts";
import { Selector } from "../../protocol/detect/selector.ts";
import { numbers } from "./sample-events.ts";
import { LawBroken } from "./statistic-laws.ts";

/** What was said, in turns. */
export type Dialogue = readonly { readonly from: "client" | "server"; readonly data: string | Uint8Array }[];

interface Segment {
  readonly from: 0 | 1;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
}

const CLIENT_START = 1_000;
const SERVER_START = 5_000;
const TURN_US = 1_000;
/** A call that takes longer than this per kilobyte has got lost. */
const SLOW_MS = 2_000;

/** Checks laws 1, 2, 4 and 6. `makePlugin` makes the plug-in anew for every run: it must not remember the last one. */
export function checkProtocolLaws(makePlugin: () => Plugin, dialogues: readonly Dialogue[]): void {
  const random = numbers(11);
  for (const dialogue of dialogues) {
    const whole = run(
      makePlugin,
      segments(dialogue, () => Number.POSITIVE_INFINITY),
    );
    expectSame(6, "the same packets give other events the second time", whole, () =>
      run(
        makePlugin,
        segments(dialogue, () => Number.POSITIVE_INFINITY),
      ),
    );
    expectSame(1, "octet by octet", whole, () =>
      run(
        makePlugin,
        segments(dialogue, () => 1),
      ),
    );
    for (let round = 0; round < 20; round++) {
      const cut = segments(dialogue, () => 1 + random(40));
      expectSame(1, "cut otherwise", whole, () => run(makePlugin, cut));
      expectSame(2, "out of order and sent twice", whole, () => run(makePlugin, disordered(cut, random)));
    }
    for (let round = 0; round < 50; round++) damaged(makePlugin, dialogue, random);
  }
}

function expectSame(law: number, how: string, expected: readonly string[], again: () => readonly string[]): void {
  const events = again();
  if (events.join("\n") !== expected.join("\n")) {
    throw new LawBroken(law, `${how}: other events`, { expected, events });
  }
}

/** Law 4: whatever comes, it does not throw or get lost. */
function damaged(makePlugin: () => Plugin, dialogue: Dialogue, random: (below: number) => number): void {
  const list = segments(dialogue, () => 1 + random(60)).map((segment) => ({
    ...segment,
    bytes: segment.bytes.slice(),
  }));
  for (const { bytes } of list) {
    if (bytes.length > 0 && random(2) === 0) bytes[random(bytes.length)] = random(256);
  }
  const dropped = list.filter(() => random(8) !== 0);
  const started = performance.now();
  run(makePlugin, dropped);
  if (performance.now() - started > SLOW_MS) throw new LawBroken(4, "damaged octets keep it busy for seconds");
}

/** Turns as segments of sizes that `size` says. */
function segments(dialogue: Dialogue, size: () => number): Segment[] {
  const next = { client: CLIENT_START + 1, server: SERVER_START + 1 };
  const list: Segment[] = [
    { from: 0, sequence: CLIENT_START, acknowledgment: 0, bytes: new Uint8Array(0), flags: SYN },
    { from: 1, sequence: SERVER_START, acknowledgment: CLIENT_START + 1, bytes: new Uint8Array(0), flags: SYN | ACK },
  ];
  for (const { from, data } of dialogue) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const other = from === "client" ? "server" : "client";
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + size());
      const [sequence, acknowledgment] = [next[from], next[other]];
      list.push({
        from: from === "client" ? 0 : 1,
        sequence,
        acknowledgment,
        bytes: bytes.subarray(at, end),
        flags: ACK,
      });
      next[from] += end - at;
      at = end;
    }
  }
  return list;
}

/** Neighbours of one direction change places, and some come again. */
function disordered(list: readonly Segment[], random: (below: number) => number): Segment[] {
  const result = [...list];
  for (let index = 3; index < result.length; index++) {
    const [a, b] = [result[index - 1], result[index]];
    if (a.from === b.from && random(3) === 0) [result[index - 1], result[index]] = [b, a];
  }
  return result.flatMap((segment) => (segment.flags === ACK && random(4) === 0 ? [segment, segment] : [segment]));
}

function run(makePlugin: () => Plugin, list: readonly Segment[]): string[] {
  const plugin = makePlugin();
  const protocols = plugin.protocols ?? [];
  if (protocols.length === 0) throw new LawBroken(1, `plug-in ${plugin.name} brings no protocol`);
  const events: string[] = [];
  plugin.start?.({ emit: (event: EarshotEvent) => events.push(JSON.stringify(event)), notice: () => {} });
  const table = new FlowTable(new Ledger(), {
    open: () => new Selector({ protocols }),
    onInternalError(error) {
      throw new LawBroken(4, `throws: ${(error as Error).message}`);
    },
  });
  const packet = new Packet();
  for (const [index, segment] of list.entries()) table.packet(filled(packet, segment, index));
  table.end();
  return events.map(withoutTimes);
}

/** Times depend on which packet carried an octet: where the cuts are is not what is compared. */
function withoutTimes(event: string): string {
  return event.replace(/"(time|time_us|[a-z_]*_ms)":("[^"]*"|-?[\d.]+|\{[^{}]*\}|null)/g, '"$1":0');
}

function filled(packet: Packet, segment: Segment, index: number): Packet {
  const { from, bytes } = segment;
  packet.time = 1_700_000_000_000_000 + index * TURN_US;
  packet.source2 = packet.destination2 = 0xffff;
  packet.source3 = 0x0a000001 + from;
  packet.destination3 = 0x0a000002 - from;
  packet.sourcePort = from === 0 ? 40_000 : 80;
  packet.destinationPort = from === 0 ? 80 : 40_000;
  packet.sequence = segment.sequence | 0;
  packet.acknowledgment = segment.acknowledgment | 0;
  packet.flags = segment.flags;
  packet.bytes = bytes;
  packet.transportStart = 0;
  packet.payloadStart = 0;
  packet.payloadEnd = bytes.length;
  packet.ipLength = 40 + bytes.length;
  packet.ipId = index & 0xffff;
  return packet;
}

/** A flow for tests that call a parser themselves: client first. */
export function sampleFlow(): Flow {
  const flow = new Flow();
  flow.id = 1;
  flow.source2 = flow.destination2 = 0xffff;
  flow.source3 = 0x0a000001;
  flow.destination3 = 0x0a000002;
  flow.sourcePort = 40_000;
  flow.destinationPort = 80;
  return flow;
}
