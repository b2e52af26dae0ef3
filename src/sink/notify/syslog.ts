/**
 * Syslog messages (RFC 5424) over UDP (RFC 5426), TCP with octet counting (RFC 6587 section 3.4.1) or a unix stream
 * socket. Takes records; gives messages, and a Sender for them.
 */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import type { AlertEvent } from "../../core/event.ts";
import { printable } from "../../core/printable.ts";
import type { Sender } from "../output/queued-sender.ts";
import type { SyslogConfig } from "./schema.ts";

/** RFC 5424 section 6.2.1. */
const SEVERITY = { critical: 2, warning: 4, info: 6 } as const;
/** Receivers should take 2048 octets (RFC 5425 section 4.3.1). */
const MOST_OCTETS = 2048;
/** SD-ID with the enterprise number set aside for documentation (RFC 5612). */
const SD_ID = "earshot@32473";

/** One message, without framing: at most 2048 octets, ASCII but for the text after the byte order mark. */
export function syslogMessage(
  event: AlertEvent,
  config: Pick<SyslogConfig, "facility" | "app_name">,
  host = hostname(),
): string {
  const severity = event.state === "resolved" ? SEVERITY.info : SEVERITY[event.severity];
  const parameters = {
    ...{ id: event.id, rule: event.rule, state: event.state, severity: event.severity },
    ...{ group: event.group, direction: event.direction, value: event.value },
  };
  const data = Object.entries(parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ` ${name}="${parameter(String(value))}"`)
    .join("");
  const head = `<${config.facility * 8 + severity}>1 ${event.time} ${headerField(host, 255)} ${config.app_name} ${process.pid} ${headerField(event.state, 32)}`;
  return cutOctets(`${head} [${SD_ID}${data}] \ufeff${printable(event.summary)}`, MOST_OCTETS);
}

/** PARAM-VALUE: `"`, `\` and `]` are escaped (section 6.3.3). */
function parameter(value: string): string {
  return printable(value.slice(0, 200)).replace(/["\\\]]/g, (character) => `\\${character}`);
}

/** PRINTUSASCII without spaces, or the nil value. */
function headerField(text: string, most: number): string {
  const clean = text.replace(/[^\x21-\x7e]/g, "").slice(0, most);
  return clean === "" ? "-" : clean;
}

function cutOctets(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** One message a datagram. What the network loses is lost: UDP tells nobody. */
export class SyslogUdpSender implements Sender {
  readonly batch = 1;
  readonly parallel = 1;
  private readonly config: SyslogConfig;
  private socket: DatagramSocket | null = null;

  constructor(config: SyslogConfig) {
    this.config = config;
  }

  send([message]: readonly string[]): Promise<void> {
    const { host, port } = this.config;
    this.socket ??= this.open(host.includes(":") ? "udp6" : "udp4");
    const socket = this.socket;
    return new Promise((resolve, reject) =>
      socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error))),
    );
  }

  close(): Promise<void> {
    const socket = this.socket;
    this.socket = null;
    return socket === null ? Promise.resolve() : new Promise((resolve) => socket.close(() => resolve()));
  }

  private open(family: "udp4" | "udp6"): DatagramSocket {
    const socket = createSocket(family);
    // errors of a send come back to the send
    socket.on("error", () => {});
    socket.unref();
    return socket;
  }
}

/** Messages over one connection, opened when needed and again after it broke. */
export class SyslogStreamSender implements Sender {
  readonly batch = 1;
  readonly parallel = 1;
  private readonly config: SyslogConfig;
  private socket: Socket | null = null;

  constructor(config: SyslogConfig) {
    this.config = config;
  }

  async send([message]: readonly string[], signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.config.timeout_s * 1000)]);
    const socket = await this.connected(limit);
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => {
        this.drop();
        reject(error);
      };
      const aborted = () => fail(new Error("syslog: the receiver does not read"));
      const closed = () => fail(new Error("syslog: the receiver closed the connection"));
      limit.addEventListener("abort", aborted, { once: true });
      socket.once("close", closed);
      socket.write(`${Buffer.byteLength(message)} ${message}`, (error) => {
        limit.removeEventListener("abort", aborted);
        socket.off("close", closed);
        if (error) fail(error);
        else resolve();
      });
    });
  }

  close(): Promise<void> {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once("close", () => resolve());
      socket.end(() => socket.destroy());
    });
  }

  private drop(): void {
    this.socket?.destroy();
    this.socket = null;
  }

  private connected(limit: AbortSignal): Promise<Socket> {
    if (this.socket !== null && !this.socket.destroyed && this.socket.writable) return Promise.resolve(this.socket);
    const { host, port, path, transport } = this.config;
    const socket = transport === "unix" ? connect({ path: path ?? "/dev/log" }) : connect({ host, port });
    this.socket = socket;
    socket.unref();
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        this.drop();
        reject(error);
      };
      const aborted = () => fail(new Error("syslog: no connection in time"));
      limit.addEventListener("abort", aborted, { once: true });
      socket.once("connect", () => {
        limit.removeEventListener("abort", aborted);
        socket.off("error", fail);
        socket.on("error", () => this.drop());
        // a receiver that closes is noticed only by reading
        socket.on("end", () => this.drop());
        socket.resume();
        resolve(socket);
      });
      socket.once("error", fail);
    });
  }
}
