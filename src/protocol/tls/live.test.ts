/**
 * Real handshakes on loopback, captured by tcpdump: what the event says against what the server itself knows of each
 * connection, and its ClientHello's fingerprints as another library makes them of the same octets.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect as tcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { getExtensionData, trackClientHellos } from "read-tls-client-hello";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../test/support/process-lab.ts";
import type { TlsEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { Pipeline } from "../../monitor/pipeline.ts";
import { readCaptures } from "../../source/file/read-captures.ts";

const run = promisify(execFile);
const has = (command: string) =>
  spawnSync(command, ["--version"], { stdio: "ignore", timeout: 10_000 }).error === undefined;

const missing = [
  process.platform === "linux" ? "" : "Linux",
  process.geteuid?.() === 0 ? "" : "root",
  ...["tcpdump", "openssl", "curl"].map((command) => (has(command) ? "" : command)),
].filter((name) => name !== "");
const chromium = missing.length === 0 && has("chromium");

interface Known {
  readonly ja3: string;
  readonly ja4: string;
  readonly version: string | null;
  readonly cipher: string;
  readonly alpn: string | false | null;
  readonly name: string | null;
  readonly reused: boolean;
}

describe.skipIf(missing.length > 0)(`live handshakes${missing.map((name) => ` (skipped: needs ${name})`)}`, () => {
  let folder: string;
  let server: Server;
  let port: number;
  let capture: ChildProcess;
  /** What the server knows of each connection, by the client's port. */
  const known = new Map<number, Known>();
  const events = new Map<number, TlsEvent>();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "earshot-tls-"));
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const subject = ["-subj", "/O=Earshot/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", certificate, ...subject], {
      stdio: "ignore",
    });
    server = createServer({
      key: readFileSync(key),
      cert: readFileSync(certificate),
      ALPNProtocols: ["http/1.1"],
      ecdhCurve: "X25519:prime256v1",
    });
    trackClientHellos(server);
    server.on("secureConnection", remember);
    server.on("request", (_request, response) => response.end("x".repeat(5_000)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    // without a large buffer a few packets of loopback fill it
    const toFile = ["--immediate-mode", "-U", "-B", "65536", "-w", join(folder, "capture.pcap")];
    capture = spawn("tcpdump", ["-i", "lo", ...toFile, "tcp", "port", String(port)]);
    await once(capture.stderr!, "data");
    await talkAll();
    await written();
    capture.kill("SIGINT");
    await once(capture, "exit");
    await readAll();
  }, 60_000);

  afterAll(() => {
    server?.closeAllConnections();
    server?.close();
    if (capture?.exitCode === null) capture.kill("SIGKILL");
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  function remember(socket: TLSSocket): void {
    const hello = socket.tlsClientHello;
    if (hello === undefined || socket.remotePort === undefined) return;
    known.set(socket.remotePort, {
      ja3: hello.ja3,
      ja4: hello.ja4,
      version: socket.getProtocol(),
      cipher: socket.getCipher().standardName,
      alpn: socket.alpnProtocol,
      name: getExtensionData(hello, "server_name")?.serverName ?? null,
      reused: socket.isSessionReused(),
    });
  }

  /** tcpdump is behind the wire on a busy machine: what is last on the wire is last in its file. */
  async function written(): Promise<void> {
    const last = tcp({ port, host: "127.0.0.1" });
    last.on("error", () => {});
    last.write("this is the last of all");
    await until(() => readFileSync(join(folder, "capture.pcap")).includes("the last of all"), 30_000);
    last.destroy();
  }

  async function talkAll(): Promise<void> {
    const url = `https://localhost:${port}/`;
    const curl = (...options: string[]) =>
      run("curl", ["-sk", "--max-time", "10", "--resolve", `localhost:${port}:127.0.0.1`, ...options, url]);
    await curl();
    await curl("--tls-max", "1.2");
    await curl("--tls-max", "1.2", "--no-alpn");
    const session = join(folder, "session.pem");
    const ask = (...options: string[]) => {
      const to = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "example.org", ...options];
      const child = execFile("openssl", to, { timeout: 10_000 });
      child.stdin!.write("GET / HTTP/1.0\r\n\r\n");
      return once(child, "exit");
    };
    await ask("-tls1_2", "-alpn", "h2,http/1.1", "-sess_out", session);
    await ask("-tls1_2", "-sess_in", session);
    await ask("-tls1_3", "-sess_out", session);
    await ask("-tls1_3", "-sess_in", session);
    // the server does not take the first group: it asks again
    await ask("-tls1_3", "-groups", "X448:P-256");
    await nodeTalks();
    await failing();
    if (chromium) await browse(url);
  }

  async function nodeTalks(): Promise<void> {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    socket.end("GET / HTTP/1.0\r\n\r\n");
    socket.resume();
    await once(socket, "close");
  }

  /** The client does not trust the certificate. */
  async function failing(): Promise<void> {
    for (const version of ["1.2", "1.3"]) {
      const options = ["-s", "--max-time", "10", "--tls-max", version, "--resolve", `untrusted:${port}:127.0.0.1`];
      await run("curl", [...options, `https://untrusted:${port}/`]).catch(() => {});
    }
  }

  async function browse(url: string): Promise<void> {
    const options = ["--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--dump-dom"];
    await run("chromium", [...options, `--user-data-dir=${join(folder, "browser")}`, url], { timeout: 25_000 }).catch(
      () => {},
    );
  }

  async function readAll(): Promise<void> {
    const pipeline = new Pipeline({ ledger: new Ledger(), redactor: null });
    pipeline.onEvent((event) => {
      if (event.type === "tls") events.set(event.flow.client.port, event);
    });
    await readCaptures([join(folder, "capture.pcap")], pipeline, { ledger: new Ledger() });
    pipeline.end();
  }

  test("every connection the server knows is there, and says what it knows", () => {
    expect(known.size).toBeGreaterThanOrEqual(9);
    for (const [clientPort, truth] of known) {
      const event = events.get(clientPort);
      expect(event, `client port ${clientPort}`).toBeDefined();
      const tls13 = truth.version === "TLSv1.3";
      expect(event).toMatchObject({
        ja3: truth.ja3,
        ja4: truth.ja4,
        version: truth.version,
        cipher: truth.cipher,
        alpn: tls13 ? null : truth.alpn || null,
        server_name: truth.name,
        resumed: truth.reused,
        outcome: "established",
        anomalies: [],
        flow: { server: { ip: "127.0.0.1", port } },
      });
      expect(event!.handshake_ms).toBeGreaterThan(0);
      expect(event!.handshake_ms).toBeLessThanOrEqual(event!.duration_ms);
      expect(event!.certificates.map(({ names }) => names)).toEqual(
        tls13 || truth.reused ? [] : [["localhost", "127.0.0.1"]],
      );
    }
  });

  test("both versions, a resumption of each, and a hello asked for again were among them", () => {
    const kinds = [...known.values()].map(({ version, reused }) => `${version} ${reused}`);
    for (const kind of ["TLSv1.2 false", "TLSv1.2 true", "TLSv1.3 false", "TLSv1.3 true"]) {
      expect(kinds).toContain(kind);
    }
    expect([...events.values()].some(({ labels }) => labels?.["tls.hello-retry"] === "true")).toBe(true);
  });

  test("a client that does not trust the certificate says so, in clear or not", () => {
    const failed = [...events.values()].filter(({ server_name }) => server_name === "untrusted");
    expect(failed.map(({ version, outcome }) => [version, outcome])).toEqual([
      ["TLSv1.2", "failed"],
      ["TLSv1.3", "failed"],
    ]);
    expect(failed[0].alert).toBe("unknown_ca");
    // some libraries send this alert of TLS 1.3 in clear
    expect([null, "unknown_ca"]).toContain(failed[1].alert);
  });

  test.skipIf(!chromium)(`a browser's hello${chromium ? "" : " (skipped: needs chromium)"}`, () => {
    const offers = [...events.values()].filter(({ alpn_offered }) => alpn_offered[0] === "h2");
    expect(offers.some(({ labels }) => labels?.["tls.ech-offered"] === "true")).toBe(true);
  });
});
