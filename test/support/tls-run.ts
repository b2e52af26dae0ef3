/** Gives octets to TLS as a flow would, in pieces of any size, and keeps the event. */
import type { TlsEvent } from "../../src/core/event.ts";
import { type CloseReason, Flow, type HalfIndex } from "../../src/core/flow.ts";
import { Ledger } from "../../src/core/ledger.ts";
import type { FlowParser } from "../../src/core/protocol.ts";
import { Selector } from "../../src/protocol/detect/selector.ts";
import { TlsProtocol } from "../../src/protocol/tls/protocol.ts";

/** Octets of one side, or a hole of so many octets. */
export type Step = readonly [side: "client" | "server", data: Uint8Array | number];

const HEADERS = 40;
const START = 1_700_000_000_000_000;

export interface TlsRunOptions {
  /** Most octets of a segment; all at once when absent. */
  readonly cut?: number;
  /** Cut only the first segment of each side, behind this octet. */
  readonly firstCut?: number;
  readonly reason?: CloseReason;
  /** The half of the first packet seen is the server's. */
  readonly serverFirst?: boolean;
  /** Microseconds between two steps. */
  readonly pause?: number;
  readonly plain?: (flow: Flow) => FlowParser;
}

export class TlsRun {
  readonly events: TlsEvent[] = [];
  readonly ledger = new Ledger();
  readonly flow = new Flow();
  readonly selector: Selector;
  private readonly options: TlsRunOptions;
  private readonly begun = new Set<HalfIndex>();

  constructor(options: TlsRunOptions = {}) {
    this.options = options;
    const tls = new TlsProtocol({
      ledger: this.ledger,
      emit: (event) => this.events.push(event),
      openPlain: options.plain,
    });
    this.selector = new Selector({ protocols: [tls] });
    const { flow } = this;
    flow.reset();
    flow.id = 1;
    flow.handshakeSeen = true;
    flow.now = flow.lastTime = flow.startTime = START;
    flow.parser = this.selector;
    for (const half of flow.halves) half.known = true;
  }

  step([side, data]: Step): void {
    const from: HalfIndex = (side === "client") === (this.options.serverFirst === true) ? 1 : 0;
    this.flow.now += this.options.pause ?? 1000;
    this.flow.lastTime = this.flow.now;
    if (typeof data === "number") {
      this.flow.halves[from].gapBytes += data;
      this.flow.halves[from].next += data;
      this.flow.parser?.gap(this.flow, from, data);
      return;
    }
    for (let at = 0; at < data.length; ) {
      const size = this.nextSize(from, data.length);
      this.segment(from, data, at, Math.min(at + size, data.length));
      at += size;
    }
  }

  private nextSize(from: HalfIndex, length: number): number {
    const first = !this.begun.has(from);
    this.begun.add(from);
    return (first ? this.options.firstCut : undefined) ?? this.options.cut ?? length;
  }

  private segment(from: HalfIndex, data: Uint8Array, start: number, end: number): void {
    const half = this.flow.halves[from];
    this.flow.dataIpLength = end - start + HEADERS;
    half.wireBytes += end - start + HEADERS;
    half.overheadBytes += HEADERS;
    this.flow.dataSequence = half.next;
    half.next = (half.next + end - start) | 0;
    // lent: the octets around and behind the segment mean nothing
    const lent = new Uint8Array(end - start + 6).fill(0x16);
    lent.set(data.subarray(start, end), 3);
    this.flow.parser?.data(this.flow, from, lent, 3, 3 + end - start);
    lent.fill(0xff);
  }

  close(): this {
    this.flow.parser?.close(this.flow, this.options.reason ?? "fin");
    return this;
  }
}

/** All steps, then the end. */
export function runTls(steps: readonly Step[], options: TlsRunOptions = {}): TlsRun {
  const run = new TlsRun(options);
  for (const step of steps) run.step(step);
  return run.close();
}

/** The one event that comes out. */
export function tlsOf(steps: readonly Step[], options: TlsRunOptions = {}): TlsEvent {
  const { events } = runTls(steps, options);
  if (events.length !== 1) throw new Error(`${events.length} events, not one`);
  return events[0];
}
