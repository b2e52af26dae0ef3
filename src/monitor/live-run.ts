/**
 * Live capture put together: ring, owners, session, and a pcapng file beside it when asked for. Owners come first: what
 * the kernel reported about processes is taken in before each batch of packets, so that the owner of a connection is
 * known when its first exchange ends.
 */
import type { Ledger } from "../core/ledger.ts";
import { type CaptureInterface, OUTGOING, type PacketHandler, type RawPacket } from "../core/packet.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";
import type { Attribution } from "../enrich/attribution.ts";
import { nextOwnersComment } from "../enrich/process/flow-owners.ts";
import { PcapngWriter } from "../sink/pcapng/pcapng-writer.ts";
import { processComments } from "../sink/pcapng/process-comment.ts";
import { LiveCapture, type LiveCaptureOptions } from "../source/afpacket/live-capture.ts";
import { whyDown } from "../source/interfaces.ts";
import type { Session } from "./session.ts";

export interface LiveRunOptions {
  readonly capture: LiveCaptureOptions;
  readonly ledger: Ledger;
  /** Path of a capture file to write, null for none. */
  readonly pcapng: string | null;
  readonly onNotice: (line: string) => void;
}

const FLUSH_FILE_MS = 1_000;

export class LiveRun implements PacketHandler {
  readonly capture: LiveCapture;
  private readonly options: LiveRunOptions;
  private readonly file: PcapngWriter | null;
  /** Called some times a second with how far capture time has come. */
  onTick: ((now: Micros) => void) | null = null;
  /** Told when none of the named interfaces can give packets any more, with the reason, and when one can again. */
  onCapture: ((state: "up" | "down", now: Micros, reason: string | null) => void) | null = null;
  /** Null until the first look: what is restored may still say that it is down. */
  private isDown: boolean | null = null;
  private nextLook: Micros = 0;
  private live: Session | null = null;
  private owners: Attribution | null = null;
  private ownersTaken = false;
  private ownersTakenTo: Micros = 0;
  private started = performance.now();
  private ended = 0;
  private fileTimer: NodeJS.Timeout | null = null;
  private readonly early: CaptureInterface[] = [];

  constructor(options: LiveRunOptions) {
    this.options = options;
    this.capture = new LiveCapture(this, { ...options.capture, tick: (now) => this.tick(now) });
    this.file =
      options.pcapng === null
        ? null
        : new PcapngWriter(options.pcapng, { ledger: options.ledger, onProblem: options.onNotice });
  }

  connect(session: Session, owners: Attribution): void {
    this.live = session;
    this.owners = owners;
    for (const info of this.early) session.interfaceOpened(info);
  }

  get session(): Session {
    return this.live!;
  }

  /** `eth0, lo` or `every interface`. */
  get place(): string {
    const names = this.options.capture.interfaces ?? [];
    return names.length === 0 || names.includes("any") ? "every interface" : names.join(", ");
  }

  /** What is captured, as text: two runs with the same see the same traffic. */
  get capturing(): string {
    const { interfaces = [], ports = [], expression, promiscuous } = this.options.capture;
    const all = interfaces.length === 0 || interfaces.includes("any");
    const parts = [all ? "every interface" : [...new Set(interfaces)].sort().join(", ")];
    if (ports.length > 0) {
      const ranges = ports.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
      parts.push(`ports ${[...new Set(ranges)].sort().join(", ")}`);
    }
    if (expression !== undefined) parts.push(`filter ${expression}`);
    if (promiscuous) parts.push("promiscuous");
    return parts.join("; ");
  }

  /** How processes are found. */
  get attribution(): string {
    const { tier, containers } = this.owners!;
    const what = {
      A: "eBPF tracepoints",
      B: "eBPF function exits",
      C: "perf tracepoints",
      D: "sock_diag and /proc",
      none: "",
    };
    const found = tier === "none" ? "not looked for" : `tier ${tier}, ${what[tier]}`;
    return containers === null ? found : `${found}; ${containers}`;
  }

  get elapsed_s(): number {
    return ((this.ended || performance.now()) - this.started) / 1000;
  }

  start(): void {
    this.started = performance.now();
    this.capture.start();
    if (this.file !== null) this.fileTimer = setInterval(() => this.file?.flush(), FLUSH_FILE_MS);
  }

  interfaceOpened(info: CaptureInterface): void {
    if (this.live === null) this.early.push(info);
    else this.live.interfaceOpened(info);
    this.file?.interfaceOpened(info);
  }

  packet(raw: RawPacket): void {
    if (!this.ownersTaken || raw.time >= this.ownersTakenTo) this.takeOwners();
    this.live?.packet(raw);
    if (this.file !== null) this.write(this.file, raw);
  }

  /**
   * Once for the packets that are handed over in this turn of the event loop, and again for blocks that filled while others
   * were read: their packets are younger than what was taken.
   */
  private takeOwners(): void {
    this.ownersTakenTo = Date.now() * MILLISECOND;
    this.owners?.drain();
    if (this.ownersTaken) return;
    this.ownersTaken = true;
    queueMicrotask(() => {
      this.ownersTaken = false;
    });
  }

  /** The packet with its process: the sender's for what leaves, the receiver's for what comes in. */
  private write(file: PcapngWriter, raw: RawPacket): void {
    const flow = this.live?.pipeline.flows.current ?? null;
    if (flow === null) {
      file.packet(raw);
      return;
    }
    const fromClient = this.live!.pipeline.flows.currentHalf === (flow.clientHalf === 1 ? 1 : 0);
    const outgoing = raw.direction === OUTGOING;
    const owner = fromClient === outgoing ? flow.clientProcess : flow.serverProcess;
    const comments = owner === null ? [] : processComments(owner);
    const whole = nextOwnersComment(flow);
    if (whole !== null) comments.push(whole);
    file.packet(raw, comments);
  }

  private tick(now: Micros): void {
    this.owners?.drain();
    this.capture.updateLedger(this.options.ledger);
    this.live?.advance(now);
    if (this.onCapture !== null && now >= this.nextLook) this.lookAtInterfaces(now);
    this.onTick?.(now);
  }

  /** Once a second. Of every interface together nobody can say that it is down. */
  private lookAtInterfaces(now: Micros): void {
    this.nextLook = now + SECOND;
    const names = this.options.capture.interfaces ?? [];
    const all = names.length === 0 || names.includes("any");
    const reasons = all ? [] : names.map(whyDown).filter((reason) => reason !== null);
    const down = !all && reasons.length === names.length;
    if (down === this.isDown) return;
    this.isDown = down;
    this.onCapture?.(down ? "down" : "up", now, down ? reasons.join(", ") : null);
  }

  /** Takes in everything captured so far, then ends. */
  async stop(): Promise<void> {
    await this.capture.stop();
    this.capture.updateLedger(this.options.ledger);
    this.ended = performance.now();
    await this.live?.finish();
    if (this.fileTimer !== null) clearInterval(this.fileTimer);
    this.file?.close();
  }

  /** Something else failed to open. */
  abandon(): void {
    this.capture.close();
    this.file?.close();
  }
}
