/**
 * The whole pipeline against the capture corpus: every capture agrees with its oracle, or differs exactly as
 * test/support/corpus-known.ts says; nothing fails, also when captures are cut or mutated; JSON and events are one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { Redactor } from "../src/redact/redactor.ts";
import { AWAITED, KNOWN_DIFFERENCES } from "./support/corpus-known.ts";
import {
  answersOf,
  CORPUS,
  disagreements,
  expectedOf,
  expectsHttp,
  noCorpus,
  type Oracle,
  oracles,
} from "./support/corpus-oracle.ts";
import { type CapturedPacket, loadCapture, type PipelineRun, runPackets } from "./support/pipeline-run.ts";

const WHERE = "(needs the capture corpus in ../shared/corpus)";
const LONGEST_LINE = 110;
const DOC = join(import.meta.dirname, "../docs/known-differences.md");

interface Case {
  readonly oracle: Oracle;
  readonly packets: readonly CapturedPacket[];
  readonly run: PipelineRun;
}

const cases: Case[] = [];
beforeAll(async () => {
  for (const oracle of oracles) {
    const packets = await loadCapture(join(CORPUS, oracle.file));
    cases.push({ oracle, packets, run: runPackets(packets, { json: true }) });
  }
}, 120_000);

const awaited = new Set(Object.values(AWAITED).flat());

function differences({ oracle, run }: Case, http2: boolean): string[] {
  return disagreements(expectedOf(oracle, http2), answersOf(run.events)).map((line) =>
    line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line,
  );
}

describe.skipIf(noCorpus)(`the corpus as it is ${WHERE}`, () => {
  test("all of it is there", () => {
    expect(cases.length).toBeGreaterThan(450);
  });

  test("no capture makes anything fail", () => {
    const failed = cases.filter(({ run }) => run.errors.length > 0 || run.ledger.internalErrors > 0);
    expect(failed.map(({ oracle }) => oracle.name)).toEqual([]);
  });

  test("every capture agrees with its oracle, but for the known differences", () => {
    const found = Object.fromEntries(
      cases
        .filter(({ oracle }) => !awaited.has(oracle.name))
        .map((one) => [one.oracle.name, differences(one, true)] as const)
        .filter(([, lines]) => lines.length > 0),
    );
    const known = Object.fromEntries(Object.entries(KNOWN_DIFFERENCES).map(([name, { lines }]) => [name, lines]));
    expect(found).toEqual(known);
  });

  test("captures that wait for HTTP/2 or keys: still differ, and show nothing that is not there", () => {
    for (const one of cases.filter(({ oracle }) => awaited.has(oracle.name))) {
      const lines = differences(one, true);
      expect(lines.length, `${one.oracle.name} agrees now: take it off the list`).toBeGreaterThan(0);
      expect(lines.filter((line) => line.includes(": extra "))).toEqual([]);
    }
  });

  test("captures without HTTP stay silent", () => {
    const loud = cases.filter(({ oracle, run }) => !expectsHttp(expectedOf(oracle, true)) && run.events.length > 0);
    const known = new Set(Object.keys(KNOWN_DIFFERENCES));
    expect(loud.map(({ oracle }) => oracle.name).filter((name) => !known.has(name))).toEqual([]);
  });

  test("JsonWriter writes each event as JSON.stringify would, as sent and redacted", () => {
    const redactor = new Redactor();
    const redaction = { head: redactor.head, body: (text: string, type: string) => redactor.body(text, type) };
    for (const { oracle, packets, run } of cases) {
      expectSameJson(run, oracle.name);
      expectSameJson(runPackets(packets, { json: true, maxBodyBytes: 200, redactor: redaction }), oracle.name);
    }
  });

  test("reading twice gives the same lines", () => {
    for (const { oracle, packets, run } of cases)
      expect(runPackets(packets, { json: true }).jsonLines.join("\n") === run.jsonLines.join("\n"), oracle.name).toBe(
        true,
      );
  });

  test("octets: no exchange has more than its capture", () => {
    for (const { oracle, run } of cases) {
      const charged = run.events.reduce((sum, { bytes }) => sum + bytes.in + bytes.out, 0);
      expect(charged, oracle.name).toBeLessThanOrEqual(run.ledger.bytes + run.ledger.gapBytes);
    }
  });
});

function expectSameJson(run: PipelineRun, name: string): void {
  const lines = run.jsonLines;
  expect(lines.length, name).toBe(run.events.length);
  const same = run.events.every((event, i) =>
    isDeepStrictEqual(JSON.parse(lines[i]), JSON.parse(JSON.stringify(event))),
  );
  expect(same, name).toBe(true);
}

describe.skipIf(noCorpus)(`cut and mutated captures ${WHERE}`, () => {
  /** Repeatable noise. */
  function dice(seed: number): (below: number) => number {
    let state = seed | 1;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  type Roll = (below: number) => number;
  const MUTATIONS: Record<string, (packets: readonly CapturedPacket[], roll: Roll) => CapturedPacket[]> = {
    "octets changed anywhere": (packets, roll) => packets.map((packet) => changed(packet, roll, 3)),
    "octets of payloads changed": (packets, roll) => packets.map((packet) => changed(packet, roll, 4, 54)),
    "packets cut by a snap length": (packets, roll) => {
      const snap = 40 + roll(200);
      return packets.map((packet) => ({
        ...packet,
        bytes: packet.bytes.subarray(0, snap),
        wireLength: packet.wireLength ?? packet.bytes.length,
      }));
    },
    "a tenth of the packets lost": (packets, roll) => packets.filter(() => roll(10) > 0),
    "joined in the middle": (packets) => packets.slice(packets.length >> 1),
    "neighbours swapped, some twice": (packets, roll) => {
      const shuffled = packets.flatMap((packet) => (roll(8) === 0 ? [packet, packet] : [packet]));
      for (let i = 1; i < shuffled.length; i++)
        if (roll(3) === 0) [shuffled[i - 1], shuffled[i]] = [shuffled[i], shuffled[i - 1]];
      return shuffled;
    },
    "one direction of each flow": (packets, roll) => {
      const parity = roll(2);
      return packets.filter((packet) => packet.bytes.length < 36 || (packet.bytes[35] & 1) === parity);
    },
    "times at random": (packets, roll) => packets.map((packet) => ({ ...packet, time: roll(1 << 30) * 1000 })),
  };

  function changed(packet: CapturedPacket, roll: Roll, one: number, from = 0): CapturedPacket {
    if (roll(one) !== 0 || packet.bytes.length <= from) return packet;
    const bytes = packet.bytes.slice();
    for (let count = 1 + roll(3); count > 0; count--) bytes[from + roll(bytes.length - from)] = roll(256);
    return { ...packet, bytes };
  }

  test.each(Object.keys(MUTATIONS))("%s: nothing fails, hangs or stays behind", (name) => {
    cases.forEach(({ oracle, packets }, index) => {
      const begin = performance.now();
      const run = runPackets(MUTATIONS[name](packets, dice(index * 7919 + name.length)), {
        json: true,
        maxBodyBytes: 64,
        maxFlows: 50,
      });
      if (run.errors.length > 0) throw new Error(oracle.name, { cause: run.errors[0] });
      expectSameJson(run, oracle.name);
      for (const event of run.events) expect(event.request ?? event.response, oracle.name).not.toBeNull();
      expect(run.pipeline.flows.liveFlows, oracle.name).toBe(0);
      expect(run.pipeline.flows.reassembler.waiting.size, oracle.name).toBe(0);
      expect(performance.now() - begin, oracle.name).toBeLessThan(10_000);
    });
  });
});

test("docs/known-differences.md has the table of known differences (EARSHOT_UPDATE_DOCS=1 writes it)", () => {
  const [begin, end] = ["<!-- differences: made from test/support/corpus-known.ts -->\n", "<!-- end -->"];
  const text = readFileSync(DOC, "utf8");
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  const wanted = `${before}${begin}\n${table()}\n${end}${after}`;
  if (process.env["EARSHOT_UPDATE_DOCS"]) writeFileSync(DOC, wanted);
  else expect(text).toBe(wanted);
});

function table(): string {
  const rows = Object.entries(KNOWN_DIFFERENCES).map(
    ([name, { ours, tshark, others, why }]) => `### ${name}

- earshot: ${ours}
- tshark: ${tshark}
${others === "" ? "" : `- others: ${others}\n`}- why: ${why}
`,
  );
  const apart = Object.entries(AWAITED).map(
    ([what, names]) => `- ${what}: ${names.map((name) => `\`${name}\``).join(", ")}`,
  );
  return `${rows.join("\n")}\n### Awaited\n\nThese captures count once the protocol comes:\n\n${apart.join("\n")}\n`;
}
