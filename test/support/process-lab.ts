/**
 * Servers and clients whose process ids are known from their own mouths, to hold attribution against: nginx with two
 * workers logs `$pid`, a client is a shell that prints `$$` and becomes curl. Everything is on loopback or in network
 * namespaces made here, and is ended by the pid it was started with.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Flow } from "../../src/core/flow.ts";

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** How much longer everything takes than on a usual machine: an emulated one is slow (test/kernels). */
const PATIENCE = Number(process.env["EARSHOT_TEST_PATIENCE"] ?? 1);

export const isRoot = process.getuid?.() === 0;

export function installed(...programs: readonly string[]): boolean {
  const folders = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`.split(":");
  return programs.every((program) => folders.some((folder) => existsSync(join(folder, program))));
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Microseconds since the epoch, as packets have it. */
export const now = () => Math.floor((performance.timeOrigin + performance.now()) * 1000);

export interface Side {
  readonly ip: string;
  readonly port: number;
}

let flows = 0;

/** The flow that a capture would have made of a connection that was opened behind `start`. */
export function flowOf(client: Side, server: Side, start: number, handshakeSeen = true): Flow {
  const flow = new Flow();
  flow.id = ++flows;
  [flow.source0, flow.source1, flow.source2, flow.source3] = words(client.ip);
  [flow.destination0, flow.destination1, flow.destination2, flow.destination3] = words(server.ip);
  flow.sourcePort = client.port;
  flow.destinationPort = server.port;
  flow.clientHalf = 0;
  flow.handshakeSeen = handshakeSeen;
  flow.startTime = start;
  flow.lastTime = flow.now = now();
  return flow;
}

/** Address words as in Packet; IPv6 text only with `::` in it or whole. */
export function words(ip: string): [number, number, number, number] {
  if (!ip.includes(":")) {
    const [a, b, c, d] = ip.split(".").map(Number);
    return [0, 0, 0xffff, (a << 24) | (b << 16) | (c << 8) | d];
  }
  const [head, tail] = ip.split("::").map((part) => part.split(":").filter(Boolean));
  const groups = [...head, ...Array(8 - head.length - (tail?.length ?? 0)).fill("0"), ...(tail ?? [])];
  const numbers = groups.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((at) => (numbers[at] << 16) | numbers[at + 1]) as [number, number, number, number];
}

export interface Server {
  readonly port: number;
  stop(): void;
}

export interface Nginx extends Server {
  /** Worker pid by the client's port, from the access log. */
  /** Worker by client port; waits a little for `ports` to be there. */
  workers(ports?: readonly number[]): Map<number, number>;
}

/** nginx before 1.19.5 cannot be told where to log before it has read its configuration. */
function hasEarlyLog(): boolean {
  const { stderr } = spawnSync("nginx", ["-v"], { encoding: "utf8", env: environment() });
  const [major, minor, patch] = (/nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr ?? "") ?? []).slice(1).map(Number);
  return !(major === 1 && (minor < 19 || (minor === 19 && patch < 5)));
}

const environment = () => ({ ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

/** nginx with a master and two workers; `prefix` runs it elsewhere, e.g. `ip netns exec NAME`. */
export async function startNginx(ips: readonly string[], prefix: readonly string[] = [], log = true): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), "earshot-nginx-"));
  const port = await freePort();
  const listen = ips.map((ip) => `listen ${ip.includes(":") ? `[${ip}]` : ip}:${port};`).join(" ");
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `worker_processes 2; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 1024; accept_mutex off; }
     http { log_format who '$remote_port $pid'; access_log ${log ? `${folder}/access.log who` : "off"}; keepalive_requests 1000000;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
       uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
       server { ${listen} location / { return 200 "hello"; } } }`,
  );
  const child = run([...prefix, "nginx", ...(hasEarlyLog() ? ["-e", `${folder}/error.log`] : []), "-c", config]);
  await until(() => existsSync(join(folder, "pid")) && readFileSync(join(folder, "pid"), "utf8").trim() !== "");
  return {
    port,
    workers(ports = []) {
      // nginx logs when the response is out: the client may be done before
      for (let tries = 0; ; tries++) {
        const lines = readFileSync(join(folder, "access.log"), "utf8").trim().split("\n");
        const found = new Map(lines.map((line) => line.split(" ").map(Number) as [number, number]));
        if (tries === 200 * PATIENCE || ports.every((one) => found.has(one))) return found;
        Atomics.wait(sleeper, 0, 0, 10);
      }
    },
    stop() {
      child.kill("SIGTERM");
      // it removes files of its own at the end: two who do so at once leave some behind
      for (let tries = 0; tries < 300 && isRunning(child.pid!); tries++) Atomics.wait(sleeper, 0, 0, 10);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Also of a child whose end this process has not heard of yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** A server of one's own words: `code` must print `ready PORT` when it listens. */
export async function startScript(command: readonly string[]): Promise<Server & { readonly pid: number }> {
  const child = run(command);
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  await until(() => /ready \d+/.test(text));
  return { port: Number(/ready (\d+)/.exec(text)![1]), pid: child.pid!, stop: () => void child.kill("SIGKILL") };
}

/** A Node cluster: the primary accepts and passes each connection to one of two workers, which answers with its pid. */
export async function startCluster(): Promise<Server & { readonly pid: number }> {
  const folder = mkdtempSync(join(tmpdir(), "earshot-cluster-"));
  const file = join(folder, "cluster.cjs");
  writeFileSync(
    file,
    `const cluster = require("node:cluster");
     if (cluster.isPrimary) {
       for (let i = 0; i < 2; i++) cluster.fork();
       let ready = 0, port;
       cluster.on("listening", (worker, address) => { if (++ready === 2) console.log("ready " + address.port); });
       process.stdin.on("end", () => process.exit()).resume();
     } else {
       require("node:http").createServer((request, response) => response.end(String(process.pid))).listen(0, "127.0.0.1");
       process.on("disconnect", () => process.exit());
     }`,
  );
  const server = await startScript([process.execPath, file]);
  const stop = () => {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}

/** Python's HTTP server, a thread (or, with `Forking`, a child) per connection; answers with its pid, after `delay` seconds. */
export const pythonServer = (ip = "127.0.0.1", port = 0, delay = 0, before = 0, kind = "Threading") => [
  "python3",
  "-c",
  `import os, socket, time, http.server as h, socketserver as s
class Handler(h.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(${delay})
        body = str(os.getpid()).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def setup(self):
        time.sleep(${before}); super().setup()
    def log_message(self, *a): pass
class Server(s.${kind}MixIn, h.HTTPServer):
    address_family = socket.AF_INET6 if ":" in "${ip}" else socket.AF_INET
server = Server(("${ip}", ${port}), Handler)
print("ready", server.server_port, flush=True)
server.serve_forever()`,
];

/** Connects, says `PID PORT` and the answer's body, then waits to be ended. */
export const pythonClient = (server: Side, localPort = 0) => [
  "python3",
  "-c",
  `import os, socket, sys
s = socket.socket(socket.AF_INET6 if ":" in "${server.ip}" else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if ${localPort}: s.bind(("${server.ip}", ${localPort}))
s.connect(("${server.ip}", ${server.port}))
s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
body = s.recv(4096).split(b"\\r\\n\\r\\n", 1)[1] or s.recv(4096)
print("answer", os.getpid(), s.getsockname()[1], body.decode(), flush=True)
sys.stdin.read()`,
];

/** A client that keeps its connection; `server` is the pid its server answered with. */
export async function hold(words: readonly string[]): Promise<Client & { readonly server: number; stop(): void }> {
  const start = now();
  const child = run(words);
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  await until(() => /answer \d+ \d+ .*\n/.test(text));
  const [, pid, port, server] = text.trim().split(" ");
  const stop = () => void child.kill("SIGKILL");
  return { pid: Number(pid), port: Number(port), start, body: server, server: Number(server), stop };
}

export interface Client {
  readonly pid: number;
  readonly port: number;
  /** Before the client was started. */
  readonly start: number;
  readonly body: string;
}

/** A shell that says its pid and becomes curl; resolves when curl is done. */
export async function curl(url: string, prefix: readonly string[] = []): Promise<Client> {
  const start = now();
  const script = `echo $$; exec curl -g -s -w '\\n%{local_port}' '${url}'`;
  const child = run([...prefix, "bash", "-c", script]);
  let text = "";
  child.stdout!.on("data", (chunk) => {
    text += chunk;
  });
  await once(child, "close");
  const lines = text.trim().split("\n");
  return { pid: Number(lines[0]), port: Number(lines.at(-1)), start, body: lines.slice(1, -1).join("\n") };
}

/** Runs `count` clients, `width` at a time; gives those whose port none of the others had. */
export async function curls(
  count: number,
  width: number,
  url: string,
  prefix: readonly string[] = [],
): Promise<Client[]> {
  const clients: Client[] = [];
  let left = count;
  const lane = async () => {
    while (left-- > 0) clients.push(await curl(url, prefix));
  };
  await Promise.all(Array.from({ length: width }, lane));
  // the kernel may use a port again within a second on loopback: a log by port cannot tell those apart
  const times = new Map<number, number>();
  for (const { port } of clients) times.set(port, (times.get(port) ?? 0) + 1);
  return clients.filter(({ port }) => times.get(port) === 1);
}

export function run(command: readonly string[]): ChildProcess {
  return spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"], env: environment() });
}

export function command(...words: readonly string[]): string {
  return execFileSync(words[0], words.slice(1), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
  });
}

/** The limit is for what never comes: a machine that does something else meanwhile takes its time. */
export async function until(ready: () => boolean, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs * PATIENCE;
  while (!ready()) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
