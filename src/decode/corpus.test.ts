/**
 * The decoder against captures of others: the number of TCP packets that the oracles tell, and for captures with tunnels
 * and oddities every address, port, sequence number and length against tshark, where that is installed.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { formatAddress } from "../core/address.ts";
import { Ledger } from "../core/ledger.ts";
import type { RawPacket } from "../core/packet.ts";
import { openCapture } from "../source/file/capture-file.ts";
import { Decoder } from "./decoder.ts";

const corpus = join(dirname(fileURLToPath(import.meta.url)), "../../../shared/corpus");
const captures = existsSync(corpus)
  ? readdirSync(corpus).filter((name) => /\.(pcap|pcapng|cap|trace)(\.gz|\.zst)?$/.test(name))
  : [];
const noCorpus = captures.length === 0;
const noTshark = noCorpus || !runs("tshark", "--version");

/** Where the oracle counts otherwise, and why. */
const KNOWN: Record<string, string> = {
  "ndpi__fuzz-2006-09-29-28586.pcap": "tshark counts TCP headers with an impossible length",
  "sv__transform-base64-7296.pcap": "tshark counts TCP headers with an impossible length",
  "pcpp__Tests_Fuzzers_RegressionTests_regression_samples__clusterfuzz-testcase-minimized-Fuz-2.pcap":
    "a packet of 4 GB, the length of which is cut",
  "sv__bug-1450-05__tls_DER-incomplete-content.pcap": "our reader goes on behind a damaged record",
};

/** Captures whose way to TCP is an unusual one; tshark takes a third of a second for each. EARSHOT_CORPUS=all: every one. */
const UNUSUAL =
  process.env["EARSHOT_CORPUS"] === "all"
    ? /./
    : /gre-erspan-vxlan|zeek__erspan|gre-aruba|capwap|ayiya|geneve-many|6402|one_http_stream_rst|mixed-vlan|jpegs|http-302-frag|nflog|80211|pppoe-over/;

interface Segments {
  readonly rows: string[];
  readonly ledger: Ledger;
  /** Scopes of each pair of addresses and ports, whichever way. */
  readonly scopes: Map<string, Set<string | null>>;
}

async function decoded(name: string): Promise<Segments> {
  const ledger = new Ledger();
  const rows: string[] = [];
  const scopes = new Map<string, Set<string | null>>();
  const decoder: Decoder = new Decoder(ledger, {
    packet(p) {
      if (p.protocol !== 6) return;
      const source = formatAddress(p.source0, p.source1, p.source2, p.source3);
      const destination = formatAddress(p.destination0, p.destination1, p.destination2, p.destination3);
      const length = p.payloadEnd - p.payloadStart + p.payloadCut;
      rows.push([source, destination, p.sourcePort, p.destinationPort, p.sequence >>> 0, length, p.flags].join(" "));
      const ends = [`${source} ${p.sourcePort}`, `${destination} ${p.destinationPort}`].sort().join(" ");
      scopes.set(ends, (scopes.get(ends) ?? new Set()).add(decoder.scopeName(p.scope)));
    },
  });
  await openCapture(join(corpus, name), { ledger }).runAsync(decoder);
  return { rows, ledger, scopes };
}

const all = new Map<string, Segments>();
beforeAll(async () => {
  for (const name of captures) all.set(name, await decoded(name));
}, 120_000);

test.skipIf(noCorpus)("TCP packets of each capture, as the oracles count them (needs the capture corpus)", () => {
  const wrong: string[] = [];
  for (const [name, { rows, ledger }] of all) {
    // the oracles do not tell a fragment from a whole packet
    if (ledger.fragments > 0) continue;
    const oracle = JSON.parse(
      readFileSync(
        join(corpus, "oracle", `${name.replace(/\.(pcap|pcapng|cap|trace)(\.gz|\.zst)?$/, "")}.json`),
        "utf8",
      ),
    );
    const expected = tcpFrames(oracle.stacks);
    if (rows.length !== expected && KNOWN[name] === undefined)
      wrong.push(`${name}: ${rows.length}, oracle ${expected}`);
  }
  expect(wrong).toEqual([]);
  expect(all.size).toBeGreaterThan(400);
});

test.skipIf(noCorpus)("nothing fragmented is lost, little is malformed (needs the capture corpus)", () => {
  const lost = [...all].filter(([name, { ledger }]) => ledger.fragmentsLost > 0 && !name.includes("fuzz"));
  expect(lost.map(([name]) => name)).toEqual([]);
  const malformed = [...all].filter(([, { ledger }]) => ledger.malformedPackets > 0).map(([name]) => name);
  expect(malformed.length).toBeLessThan(8);
});

test.skipIf(noCorpus)(
  "a flow is in several scopes only where the capture is made so (needs the capture corpus)",
  () => {
    const several = [...all].filter(([, { scopes }]) => [...scopes.values()].some((names) => names.size > 1));
    expect(several.map(([name]) => name).sort()).toEqual([
      // the two directions have different Geneve networks: a limit of telling networks apart (docs/decoding.md)
      "mercury__pcaps__geneve.pcap",
      // the same packets seen in three places of the network
      "ndpi__capwap_data.pcapng",
      // one direction has a VLAN tag, the other none: the flow table joins them
      "sv__bug-4376__syn_retransmit_with_ts.pcap",
      // made to test exactly this
      "zeek__doc_advanced_devel_plugins_connkey-vxlan-fivetuple-plugin-src_Traces__vxlan-overlapp.pcap",
      "zeek__vlan-collisions.pcap",
    ]);
  },
);

test.skipIf(noTshark)(
  "every segment of unusual captures, as tshark sees it (needs the capture corpus and tshark)",
  () => {
    let compared = 0;
    for (const [name, { rows }] of all) {
      if (!UNUSUAL.test(name) || KNOWN[name] !== undefined) continue;
      expect(rows, name).toEqual(tsharkRows(name));
      compared++;
    }
    expect(compared).toBeGreaterThan(12);
  },
  120_000,
);

test.skipIf(noCorpus)(
  "packets of every capture, mutated and cut, stay inside their bytes and are counted (needs the capture corpus)",
  async () => {
    let seed = 12345;
    const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 1) % below;
    let mutations = 0;
    for (const name of captures) {
      const ledger = new Ledger();
      const copy = new Uint8Array(1 << 18);
      let out = 0;
      let end = 0;
      const decoder = new Decoder(ledger, {
        packet(p) {
          out++;
          const limit = p.bytes === copy ? end : p.bytes.length;
          if (!(p.payloadStart > p.transportStart && p.payloadEnd >= p.payloadStart && p.payloadEnd <= limit)) {
            throw new Error(`${name}: payload [${p.payloadStart}, ${p.payloadEnd}) outside of its packet`);
          }
        },
      });
      const mutate = (raw: RawPacket) => {
        const length = raw.end - raw.start;
        if (out + counted(ledger) >= 1000 || length > copy.length) return;
        copy.set(raw.bytes.subarray(raw.start, raw.end));
        // headers are at the front: most changes go there
        for (let i = random(4); i >= 0; i--) copy[random(random(4) > 0 ? Math.min(length, 80) : length)] = random(256);
        end = random(3) === 0 ? random(length + 1) : length;
        const before = out + counted(ledger);
        decoder.packet({ ...raw, bytes: copy, start: 0, end });
        if (out + counted(ledger) === before) throw new Error(`${name}: a packet went uncounted`);
        mutations++;
      };
      await openCapture(join(corpus, name), { ledger: new Ledger() }).runAsync({
        interfaceOpened() {},
        packet(raw) {
          for (let i = 0; i < 3; i++) if (raw.end > raw.start) mutate(raw);
        },
      });
    }
    expect(mutations).toBeGreaterThan(20_000);
  },
  60_000,
);

function counted(ledger: Ledger): number {
  return ledger.otherPackets + ledger.malformedPackets + ledger.fragments;
}

/** The oracle's stacks of layers leave TCP and what is on it out, so that they end in IP. */
function tcpFrames(stacks: Record<string, number>): number {
  const ofTcp = Object.entries(stacks).filter(
    ([layers]) => /(^|:)(ip|ipv6)(:ipv6\.fraghdr)?$/.test(layers) && !/icmp|sflow/.test(layers),
  );
  return ofTcp.reduce((sum, [, count]) => sum + count, 0);
}

function tsharkRows(name: string): string[] {
  const fields = [
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.len",
    "tcp.flags",
    "frame.protocols",
  ];
  const options = ["-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=l", "-E", "separator= "];
  const args = ["-r", join(corpus, name), ...options, ...fields.flatMap((field) => ["-e", field])];
  const text = execFileSync("tshark", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 26,
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [
        source4,
        destination4,
        source6,
        destination6,
        sourcePort,
        destinationPort,
        sequence,
        length,
        flags,
        protocols,
      ] = line.split(" ");
      const layers = protocols.split(":");
      const isIpv6 = layers.lastIndexOf("ipv6") > layers.lastIndexOf("ip");
      const ends = isIpv6 ? [source6, destination6] : [source4, destination4];
      // an IPv6 packet may carry addresses of the v4-mapped form, which we write as IPv4
      return [
        ...ends.map((ip) => ip.replace(/^::ffff:(?=\d+\.)/, "")),
        sourcePort,
        destinationPort,
        sequence,
        length,
        Number(flags) & 255,
      ].join(" ");
    });
}

function runs(command: string, argument: string): boolean {
  try {
    execFileSync(command, [argument], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
