/**
 * Real captures: each TLS connection against tshark's reading of it (server name, JA3, JA3S, ALPN, version, cipher),
 * JA4 computed apart from its definition, Zeek's own expectations, and the fingerprints of another library.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import { calculateJa3, calculateJa4, readTlsClientHello } from "read-tls-client-hello";
import { describe, expect, test } from "vitest";
import type { TlsEvent } from "../../core/event.ts";
import type { Flow, HalfIndex } from "../../core/flow.ts";
import { Ledger } from "../../core/ledger.ts";
import type { PacketHandler } from "../../core/packet.ts";
import { Decoder } from "../../decode/decoder.ts";
import { FlowTable } from "../../flow/table.ts";
import { Pipeline } from "../../monitor/pipeline.ts";
import { readCaptures } from "../../source/file/read-captures.ts";
import { Selector } from "../detect/selector.ts";
import { cipherName } from "./cipher-suites.ts";
import { versionName } from "./names.ts";
import { TlsProtocol } from "./protocol.ts";

const CORPUS = fileURLToPath(new URL("../../../../shared/corpus/", import.meta.url));
const ORACLES = join(CORPUS, "oracle");
const absent = !existsSync(ORACLES);
const canReadZstd = typeof zlib.createZstdDecompress === "function";

interface OracleHello {
  readonly sni: string | null;
  readonly alpn: readonly string[];
  readonly ja3: string;
  readonly ja4_calc: string;
}

interface OracleConnection {
  readonly quic: boolean;
  /** Absent where tshark saw no ClientHello. */
  readonly client?: string;
  readonly client_hellos: readonly OracleHello[];
  readonly server_hello: {
    readonly version: number;
    readonly cipher: number;
    readonly alpn: readonly string[];
    readonly ja3s: string;
  } | null;
  readonly handshake_types: readonly string[];
}

interface ZeekRow {
  readonly "id.orig_p": string;
  readonly "id.resp_p": string;
  readonly version?: string;
  readonly cipher?: string;
  readonly resumed: string;
  readonly established: string;
}

interface Oracle {
  readonly file: string;
  readonly tls?: { readonly connections?: readonly OracleConnection[] };
  readonly external?: { readonly zeek?: readonly { readonly baselines?: Record<string, readonly ZeekRow[]> }[] };
}

const captures: Oracle[] = absent
  ? []
  : readdirSync(ORACLES)
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(ORACLES, name), "utf8")) as Oracle)
      .filter(({ file }) => !file.endsWith(".zst") || canReadZstd)
      .filter(({ file, tls }) => existsSync(join(CORPUS, file)) && tls?.connections?.some(({ quic }) => !quic));

async function read(file: string, handler: PacketHandler): Promise<void> {
  await readCaptures([join(CORPUS, file)], handler, { ledger: new Ledger(), onProblem: () => {} });
}

async function eventsOf(file: string): Promise<TlsEvent[]> {
  const events: TlsEvent[] = [];
  const pipeline = new Pipeline({ ledger: new Ledger(), redactor: null });
  pipeline.onEvent((event) => {
    if (event.type === "tls") events.push(event);
  });
  await read(file, pipeline);
  pipeline.end();
  return events;
}

/** The part of an event that tshark tells too. */
function told(event: TlsEvent, withAnswer: boolean) {
  const answer = { version: event.version, cipher: event.cipher, alpn: event.alpn, ja3s: event.ja3s };
  const { server_name, alpn_offered, ja3, ja4 } = event;
  return { server_name, alpn_offered, ja3, ja4, ...(withAnswer ? answer : {}) };
}

function expected({ client_hellos, server_hello }: OracleConnection) {
  const [hello] = client_hellos;
  return {
    server_name: hello?.sni ?? null,
    alpn_offered: hello?.alpn ?? [],
    ja3: hello?.ja3 ?? null,
    ja4: hello?.ja4_calc ?? null,
    ...(server_hello === null
      ? {}
      : {
          version: versionName(server_hello.version),
          cipher: cipherName(server_hello.cipher),
          alpn: server_hello.alpn[0] ?? null,
          ja3s: server_hello.ja3s,
        }),
  };
}

const clientOf = ({ flow }: TlsEvent) => `${flow.client.ip}:${flow.client.port}`;

describe.skipIf(absent)(`TLS of real captures${absent ? " (SKIPPED: needs the capture corpus)" : ""}`, () => {
  test("there are many", () => {
    const connections = captures.flatMap(({ tls }) => tls!.connections!.filter(({ quic }) => !quic));
    expect(captures.length).toBeGreaterThanOrEqual(120);
    expect(connections.length).toBeGreaterThanOrEqual(250);
  });

  test.each(captures.map((capture) => [capture.file, capture] as const))("%s", async (file, { tls, external }) => {
    const events = await eventsOf(file);
    for (const connection of tls!.connections!.filter(({ quic }) => !quic)) {
      const candidates = events.filter((event) =>
        connection.client === undefined ? event.ja3 === null : clientOf(event) === connection.client,
      );
      const answers = candidates.map((event) => told(event, connection.server_hello !== null));
      expect(answers).toContainEqual(expected(connection));
    }
    for (const event of events) checkWithZeek(event, external?.zeek ?? []);
  });
});

/** Rows of Zeek's ssl.log that a test of Zeek expects of this capture, found by their ports. */
function checkWithZeek(event: TlsEvent, tests: readonly { readonly baselines?: Record<string, readonly ZeekRow[]> }[]) {
  for (const { baselines } of tests) {
    for (const [name, rows] of Object.entries(baselines ?? {})) {
      if (!/ssl[^/]*\.log$/.test(name)) continue;
      const ports = ({ flow }: TlsEvent, row: ZeekRow) =>
        row["id.orig_p"] === String(flow.client.port) && row["id.resp_p"] === String(flow.server.port);
      const row = rows.find((candidate) => candidate.established !== undefined && ports(event, candidate));
      if (row === undefined) continue;
      expect(event.version, name).toBe(fromZeek(row.version));
      if (row.cipher !== undefined) expect(event.cipher, name).toBe(row.cipher);
      // of a version it does not know Zeek takes the session id for a resumption
      if (!row.version?.startsWith("unknown")) expect(event.resumed === true, name).toBe(row.resumed === "T");
      // a record damaged by hand: Zeek gives up, the server's data behind it still proves the handshake
      if (event.anomalies.includes("tls.not-a-record")) continue;
      expect(event.outcome === "established", name).toBe(row.established === "T");
    }
  }
}

/** `TLSv12` is TLSv1.2, `unknown-32257` a number. */
function fromZeek(version: string | undefined): string | null {
  if (version === undefined) return null;
  const number = /^unknown-(\d+)$/.exec(version);
  return number === null ? version.replace(/^TLSv1(\d)/, "TLSv1.$1") : versionName(Number(number[1]));
}

/** First octets of every direction that begins with a ClientHello. */
async function helloBytes(file: string): Promise<Map<string, Uint8Array[]>> {
  const kept = new Map<string, Uint8Array[]>();
  const signature = new TlsProtocol({ ledger: new Ledger(), emit: () => {} });
  const collector = {
    name: "collector",
    detect: signature.detect.bind(signature),
    search: signature.search.bind(signature),
    open: (_flow: Flow, half: HalfIndex) => ({
      data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number) {
        if (from !== half) return;
        const client = from === 0 ? flow.info.client : flow.info.server;
        const swapped = flow.clientHalf === 1;
        const { ip, port } = swapped ? (from === 1 ? flow.info.client : flow.info.server) : client;
        const parts = kept.get(`${ip}:${port}`) ?? [];
        kept.set(`${ip}:${port}`, parts);
        if (parts.length < 40) parts.push(bytes.slice(start, end));
      },
      gap() {},
      close() {},
    }),
  };
  const ledger = new Ledger();
  const flows = new FlowTable(ledger, { open: () => new Selector({ protocols: [collector] }) });
  const decoder = new Decoder(ledger, flows);
  await read(file, { interfaceOpened: (info) => decoder.interfaceOpened(info), packet: (raw) => decoder.packet(raw) });
  flows.end();
  return kept;
}

describe.skipIf(absent)(
  `fingerprints of another library${absent ? " (SKIPPED: needs the capture corpus)" : ""}`,
  () => {
    test("read-tls-client-hello gives the same JA3 and JA4", { timeout: 120_000 }, async () => {
      let compared = 0;
      for (const { file } of captures) {
        const events = await eventsOf(file);
        const hellos = await helloBytes(file);
        for (const event of events) {
          const parts = hellos.get(clientOf(event));
          if (event.ja3 === null || parts === undefined) continue;
          const hello = await readTlsClientHello(Readable.from([Buffer.concat(parts)], { objectMode: false })).catch(
            () => null,
          );
          if (hello === null) continue;
          compared++;
          expect(event.ja3, file).toBe(calculateJa3(hello));
          // it hashes an empty list, for which the definition has zeros
          const ja4 = calculateJa4(hello).replace(HASH_OF_NOTHING, "000000000000");
          expect(withoutDoubt(event.ja4!), file).toBe(withoutDoubt(ja4));
          // it calls every hello with supported_versions TLS 1.3: a draft is not, nor one that ends at 1.2
          if (ja4.slice(1, 3) !== "13") expect(event.ja4!.slice(1, 3), file).toBe(ja4.slice(1, 3));
        }
      }
      expect(compared).toBeGreaterThan(200);
    });
  },
);

const HASH_OF_NOTHING = "e3b0c44298fc";

/** Counts and hashes: the parts in which the library keeps to the definition in every case. */
function withoutDoubt(ja4: string): string {
  const [head, ciphers, extensions] = ja4.split("_");
  return [head[0], head.slice(4, 8), ciphers, extensions].join("_");
}
