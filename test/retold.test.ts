/**
 * The same traffic told otherwise gives the same exchanges: each capture of the corpus in every wrapping, cut, order and
 * place that must not matter (test/support/retellings.ts). A sample by default; EARSHOT_RETOLD=all takes all captures.
 */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { TransactionEvent } from "../src/core/event.ts";
import { CORPUS, expectedOf, expectsHttp, noCorpus, oracles } from "./support/corpus-oracle.ts";
import { type CapturedPacket, loadCapture, runPackets } from "./support/pipeline-run.ts";
import { as6, asEthernet, type Part, RETELLINGS } from "./support/retellings.ts";
import { packetOf, type Segment, segmentsOf } from "./support/segments.ts";

const ALL = process.env["EARSHOT_RETOLD"] === "all";
const ONLY = process.env["EARSHOT_RETOLD_ONLY"] ?? "";

/** What a capture says, a line an exchange, without the parts that the retelling may change. */
function rowsOf(packets: readonly CapturedPacket[], without: readonly Part[]): string[] {
  const run = runPackets(packets, { maxBodyBytes: 64, maxFlows: 65_536 });
  if (run.errors.length > 0) throw new Error("internal error", { cause: run.errors[0] });
  return run.events.map((event) => rowOf(event, without)).sort();
}

function rowOf(event: TransactionEvent, without: readonly Part[]): string {
  const { flow, http, request, response, outcome, anomalies, quality } = event;
  const part = (name: Part, value: unknown) => (without.includes(name) ? null : value);
  return JSON.stringify([
    request?.method,
    request?.target,
    response?.status,
    part("outcome", outcome),
    part("anomalies", anomalies.toSorted()),
    part("quality", quality),
    part("ends", [flow.client, flow.server]),
    http,
    request,
    response,
  ]);
}

/** What of a capture is no longer the same when it is told so. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "single octets": {
    "sv__filestore-v2.1-forced__suricata-update-pdf": "7,240 segments are out of order at once",
  },
  "without handshake": {
    "arkime__http-tcp-seq-issue": "the second half of the request comes first: where it began nobody can tell",
    "arkime__tcp-reassembly-synthetic": "connections that follow each other on the same ports become one",
    "tcpflow__tests__test5-lines-randomized": "shuffled: where the streams began nobody can tell",
  },
  "each segment backwards in thirds": {
    "zeek__modbus__modbus-and-non-modbus-p502": "octets of two protocols on one connection",
  },
};
const UNSTABLE = new Set([
  // a fuzzed capture with a packet two years ahead: all flows are idle behind it, whatever their last segments are
  "sv__transform-base64-7296",
]);

interface Case {
  readonly name: string;
  readonly packets: readonly CapturedPacket[];
  readonly segments: readonly Segment[];
  readonly octets: number;
  readonly scopes: boolean;
}

const cases: Case[] = [];
beforeAll(async () => {
  const chosen = oracles
    .filter(({ name }) => name.includes(ONLY) && !UNSTABLE.has(name))
    .filter((oracle) => ALL || expectsHttp(expectedOf(oracle, false)))
    .filter((_, i) => ALL || ONLY !== "" || i % 12 === 4);
  for (const { name, file } of chosen) {
    const packets = await loadCapture(join(CORPUS, file));
    const segments = segmentsOf(packets);
    const octets = segments.reduce((sum, { payload }) => sum + payload.length, 0);
    cases.push({ name, packets, segments, octets, scopes: segments.some(({ scope }) => scope > 0) });
  }
}, 60_000);

describe.skipIf(noCorpus)("traffic told otherwise (needs the capture corpus in ../shared/corpus)", () => {
  test.each(Object.keys(RETELLINGS))(
    "%s",
    (name) => {
      const { tell, changes, dear, plainOnly } = RETELLINGS[name];
      const differences: Record<string, unknown> = {};
      for (const one of cases) {
        if (dear && one.octets > (ALL ? 200_000 : 20_000)) continue;
        if ((plainOnly && one.scopes) || EXCEPTIONS[name]?.[one.name] !== undefined) continue;
        const before = rowsOf(one.packets, changes);
        const after = rowsOf(tell(one.segments), changes);
        const [missing, extra] = [surplus(before, after), surplus(after, before)];
        if (missing.length + extra.length > 0) differences[one.name] = { missing, extra };
      }
      expect(differences).toEqual({});
    },
    300_000,
  );

  test("all captures at the same time, as one", () => {
    const own = (one: Case, place: number) =>
      atOnce(one.segments, place).map((segment) => packetOf(segment, asEthernet));
    const plain = cases.filter(({ scopes }) => !scopes);
    const apart = plain.flatMap((one, i) => rowsOf(own(one, i), [])).sort();
    const together = plain.flatMap((one, i) => own(one, i)).sort((a, b) => a.time - b.time);
    expect(apart.length).toBeGreaterThan(20);
    expect(surplus(apart, rowsOf(together, []))).toEqual([]);
    expect(rowsOf(together, []).length).toBe(apart.length);
  });
});

/** The capture as if it began at a fixed time, in a network of its own. */
function atOnce(segments: readonly Segment[], place: number): Segment[] {
  const start = segments[0]?.time ?? 0;
  const moved = (address: readonly number[]) => [0x20010db8, place, ...as6(address).slice(2)];
  return segments.map((segment) => ({
    ...segment,
    family: 6,
    time: segment.time - start + 1_000_000,
    source: moved(segment.source),
    destination: moved(segment.destination),
  }));
}

function surplus(of: readonly string[], over: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of over) left.set(row, (left.get(row) ?? 0) + 1);
  return of.filter((row) => {
    const count = left.get(row) ?? 0;
    left.set(row, count - 1);
    return count <= 0;
  });
}
