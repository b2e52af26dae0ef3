/**
 * Captures in a process of its own, so that a test can put it into a network namespace or under another user:
 * `node capture-child.ts JSON`. Opens the captures, runs the steps, stops exactly, prints one JSON report.
 */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { openSync, readdirSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { Ledger } from "../../src/core/ledger.ts";
import type { CaptureInterface, RawPacket } from "../../src/core/packet.ts";
import { Trouble } from "../../src/core/trouble.ts";
import type { FanoutOptions } from "../../src/source/afpacket/fanout.ts";
import { LiveCapture, type LiveCaptureOptions } from "../../src/source/afpacket/live-capture.ts";

/** What the child does between opening and stopping. */
export type Step =
  | { readonly do: "frames"; readonly device: string; readonly frames: readonly string[]; readonly times?: number }
  | { readonly do: "datagrams"; readonly to: string; readonly port: number; readonly count: number }
  | { readonly do: "tun"; readonly device: string; readonly packets: readonly string[] }
  | { readonly do: "command"; readonly command: readonly string[] }
  | { readonly do: "wait"; readonly time_ms: number };

export interface ChildPlan {
  /** One entry per capture; all share the steps. */
  readonly captures: readonly LiveCaptureOptions[];
  /** All captures join one group. */
  readonly fanout?: boolean;
  /** Steps before the captures are opened. */
  readonly before?: readonly Step[];
  readonly steps: readonly Step[];
  /** Keeps what was captured, not only its count. */
  readonly keep?: boolean;
  /** Does not read while the steps run. */
  readonly readLate?: boolean;
  /** The handler throws at this packet, counted from 1. */
  readonly throwAt?: number;
}

export interface SeenPacket {
  readonly interface: string | null;
  readonly linkType: number;
  readonly direction: number;
  readonly vlanTag: number;
  readonly wireLength: number;
  readonly time_us: number;
  /** From capture to handing over. */
  readonly delay_ms: number;
  readonly hex: string;
}

export interface CaptureReport {
  readonly interfaces: readonly CaptureInterface[];
  readonly count: number;
  readonly packets: readonly SeenPacket[];
  readonly statistics: { packets: number; drops: number; freezes: number; received: number };
  readonly kernelDropped: number;
  readonly ticks: readonly number[];
  /** Packets older than a time that was told before. */
  readonly late: number;
}

export interface ChildReport {
  readonly trouble?: { readonly message: string; readonly hint: string; readonly exitCode: number };
  readonly captures: readonly CaptureReport[];
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  /** CPU time of the process while the steps ran. */
  readonly cpu_ms: number;
  /** What the handler threw, as the process heard of it before the end. */
  readonly uncaught: readonly string[];
  /** Octets of the ring that the lent packet still showed after the end. */
  readonly bytesAfter: number;
}

const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
const libc = koffi.load(null);
const socket = libc.func("int socket(int, int, int)");
const sendto = libc.func("long sendto(int, void*, size_t, int, void*, uint)");
const ioctl = libc.func("int ioctl(int, ulong, void*)");
const nameToIndex = libc.func("uint if_nametoindex(str)");
const bytesOfHex = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

function sendFrames(device: string, frames: readonly Uint8Array[], times: number): void {
  const fd = socket(17, 3, 0);
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, 17, true);
  view.setInt32(4, nameToIndex(device), true);
  for (let round = 0; round < times; round++) {
    for (const frame of frames) {
      if (sendto(fd, frame, frame.length, 0, address, 20) < 0) throw new Error(`send on ${device}: ${koffi.errno()}`);
    }
  }
  libc.func("int close(int)")(fd);
}

async function sendDatagrams(to: string, port: number, count: number): Promise<void> {
  const sender = createSocket(to.includes(":") ? "udp6" : "udp4");
  for (let index = 0; index < count; index++) {
    await new Promise<void>((resolve) => sender.send(`datagram ${index}`, port, to, () => resolve()));
  }
  sender.close();
}

const tunnels = new Map<string, number>();

/** Packets without an Ethernet header come in through a tun device, which lives as long as this process. */
function sendTun(device: string, packets: readonly Uint8Array[]): void {
  let fd = tunnels.get(device);
  if (fd === undefined) {
    fd = openSync("/dev/net/tun", "r+");
    tunnels.set(device, fd);
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode(device));
    // IFF_TUN without a packet information header
    new DataView(request.buffer).setUint16(16, 0x1001, true);
    if (ioctl(fd, 0x400454ca, request) < 0) throw new Error(`tun: ${koffi.errno()}`);
    command(["ip", "link", "set", device, "up"]);
  }
  for (const packet of packets) writeSync(fd, packet);
}

function command(words: readonly string[]): void {
  const { status, stderr } = spawnSync(words[0], words.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

async function run(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.do === "frames") sendFrames(step.device, step.frames.map(bytesOfHex), step.times ?? 1);
    else if (step.do === "datagrams") await sendDatagrams(step.to, step.port, step.count);
    else if (step.do === "tun") sendTun(step.device, step.packets.map(bytesOfHex));
    else if (step.do === "command") command(step.command);
    else await sleep(step.time_ms);
  }
}

function open(options: LiveCaptureOptions, { keep, throwAt }: ChildPlan) {
  const seen = {
    interfaces: [] as CaptureInterface[],
    count: 0,
    packets: [] as SeenPacket[],
    ticks: [] as number[],
    late: 0,
  };
  let last: RawPacket | null = null;
  const capture = new LiveCapture(
    {
      interfaceOpened: (info) => void seen.interfaces.push(info),
      packet(raw) {
        seen.count++;
        if (seen.count === throwAt) throw new Error("of a bug");
        if (raw.time < (seen.ticks.at(-1) ?? 0)) seen.late++;
        last = raw;
        if (!keep) return;
        seen.packets.push({
          interface: seen.interfaces[raw.interfaceId].name,
          linkType: raw.linkType,
          direction: raw.direction,
          vlanTag: raw.vlanTag,
          wireLength: raw.wireLength,
          time_us: raw.time,
          delay_ms: Date.now() - raw.time / 1000,
          hex: Buffer.from(raw.bytes.subarray(raw.start, raw.end)).toString("hex"),
        });
      },
    },
    { ...options, tick: (now) => void seen.ticks.push(now) },
  );
  return { seen, capture, lentBytes: () => last?.bytes.length ?? 0 };
}

const thrown: string[] = [];
process.on("uncaughtException", ({ message }) => void thrown.push(message));

const descriptors = () => readdirSync("/proc/self/fd").length;

async function main(plan: ChildPlan): Promise<ChildReport> {
  await run(plan.before ?? []);
  // the event loop and koffi open what they need once
  new LiveCapture({ interfaceOpened() {}, packet() {} }, { bufferBytes: 8 << 20 }).close();
  const descriptorsBefore = descriptors();
  const opened: ReturnType<typeof open>[] = [];
  for (const options of plan.captures) {
    const group: FanoutOptions["group"] = opened.length === 0 ? "new" : opened[0].capture.fanoutId;
    opened.push(open({ ...options, ...(plan.fanout ? { fanout: { group } } : {}) }, plan));
  }
  if (!plan.readLate) for (const { capture } of opened) capture.start();
  const cpuBefore = process.cpuUsage();
  await run(plan.steps);
  const cpu = process.cpuUsage(cpuBefore);
  const uncaught = [...thrown];
  await Promise.all(opened.map(({ capture }) => capture.stop()));
  const captures = opened.map(({ seen, capture }) => {
    const ledger = new Ledger();
    capture.updateLedger(ledger);
    capture.updateLedger(ledger);
    return { ...seen, statistics: capture.statistics(), kernelDropped: ledger.kernelDropped };
  });
  await sleep(10);
  return {
    captures,
    descriptorsBefore,
    descriptorsAfter: descriptors(),
    cpu_ms: (cpu.user + cpu.system) / 1000,
    uncaught,
    bytesAfter: Math.max(...opened.map(({ lentBytes }) => lentBytes())),
  };
}

try {
  console.log(JSON.stringify(await main(JSON.parse(process.argv[2]))));
} catch (error) {
  if (!(error instanceof Trouble)) {
    console.error(error);
    process.exit(1);
  }
  const { message, hint, exitCode } = error;
  console.log(JSON.stringify({ trouble: { message, hint, exitCode } }));
}
