/**
 * One run of earshot: the pipeline with what the user asked for around it: filters before, outputs behind, the ledger
 * over all. Live or from files makes no difference here but for who waits when an output is slow.
 */

import type { EarshotEvent, TransactionEvent } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HeadRedactor } from "../core/http.ts";
import type { Ledger } from "../core/ledger.ts";
import type { CaptureInterface, PacketHandler, RawPacket } from "../core/packet.ts";
import type { Enricher, Sink } from "../core/roles.ts";
import { MILLISECOND, type Micros, NEVER } from "../core/units.ts";
import type { DecoderOptions } from "../decode/decoder.ts";
import type { FlowIds } from "../flow/table.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { RedactOptions } from "../redact/schema.ts";
import type { FormatSettings } from "../sink/formats.ts";
import type { OutputSpec } from "../sink/output/spec.ts";
import type { TableOptions } from "../sink/table/table.ts";
import { Pipeline } from "./pipeline.ts";
import type { Registry } from "./plugins.ts";
import { SessionOutputs } from "./session-outputs.ts";

export type EventTest = (event: EarshotEvent) => boolean;

export interface SessionOptions {
  /** Behind live traffic a slow output drops and counts; behind a file the reader waits. */
  readonly live: boolean;
  readonly ledger: Ledger;
  readonly outputs: readonly OutputSpec[];
  readonly redactor: Redactor;
  readonly table: TableOptions;
  readonly formats: FormatSettings;
  readonly captureRequest: boolean;
  readonly captureResponse: boolean;
  /** Rows for exchanges that took at least this long; 0 shows all. */
  readonly minLatency_ms: number;
  readonly maxBodyBytes: number;
  /** All must hold for an event to be shown. */
  readonly tests: readonly EventTest[];
  /** These too; `refilter` puts others in their place while it runs. */
  readonly filters?: readonly EventTest[];
  readonly enrichers: readonly Enricher[];
  readonly maxFlows?: number;
  readonly flowIds?: FlowIds;
  readonly decoder?: DecoderOptions;
  /** Hear every event that passes the tests, beside the outputs: statistics, dashboards. */
  readonly observers?: readonly ((event: EarshotEvent) => void)[];
  /** The observers keep no event: exchanges come to them lent (transaction/lent-event.ts), which is much cheaper. */
  readonly lends?: boolean;
  /** Heads are kept even when nothing here looks at them: somebody listens at the pipeline. */
  readonly keepHeads?: boolean;
  readonly sinks?: readonly Sink[];
  /** Events come ready by `pipeline.publish`, none is made here of an exchange. */
  readonly remote?: boolean;
  /** Takes all that is shown as lines of JSON, `lines` in `bytes[0, length)`, lent: what a worker thread hands on. */
  readonly onLines?: (bytes: Uint8Array, length: number, lines: number) => void;
  /** Plug-ins of this run: their protocols; enrichers and sinks stand among those above. */
  readonly plugins?: Registry;
  readonly onOutputClosed: () => void;
  readonly onNotice: (line: string) => void;
}

/** Formats without a header line, in which nothing can say that secrets are shown. */
const HAVE_NO_HEADER = ["json", "tracee", "ig-json", "ig-jsonpretty"];

export class Session implements PacketHandler {
  readonly ledger: Ledger;
  readonly pipeline: Pipeline;
  private readonly options: SessionOptions;
  private readonly outputs: SessionOutputs;
  private filters: readonly EventTest[];
  /** Events given out. */
  shown = 0;

  constructor(options: SessionOptions) {
    this.options = options;
    this.ledger = options.ledger;
    this.filters = options.filters ?? [];
    const { redactor } = options;
    this.pipeline = new Pipeline({
      ledger: this.ledger,
      redactor: redactor.reveal
        ? null
        : { head: redactor.head as HeadRedactor, body: (text, type) => redactor.body(text, type) },
      keepHeads: this.wantsHeads(),
      maxBodyBytes: options.maxBodyBytes,
      maxFlows: options.maxFlows,
      flowIds: options.flowIds,
      decoder: options.decoder,
      enrichers: options.enrichers,
      protocols: options.plugins?.protocols,
      onInternalError: (error) => {
        if (process.env.EARSHOT_DEBUG) options.onNotice(String((error as Error).stack ?? error));
      },
    });
    if (redactor.reveal && this.options.outputs.some(({ format }) => HAVE_NO_HEADER.includes(format))) {
      options.onNotice("secrets are shown as they were sent (--reveal)");
    }
    if (options.minLatency_ms > 0) this.pipeline.addGate((exchange) => slowerThan(exchange, options.minLatency_ms));
    this.outputs = new SessionOutputs(options, this.pipeline, this.direct ? (event) => this.passes(event) : null);
    this.listen();
    options.plugins?.start({
      ledger: this.ledger,
      onNotice: options.onNotice,
      emit: (event) => this.given(event),
    });
  }

  /** Events are made only when somebody keeps or changes them. */
  private listen(): void {
    const { observers = [], lends = false } = this.options;
    const { takeEvents, keepEvents } = this.outputs;
    if (!takeEvents && observers.length === 0) return;
    const kept = keepEvents || (observers.length > 0 && !lends);
    if (kept || !this.whole) this.pipeline.onEvent((event) => this.event(event));
    else this.pipeline.onLook((event) => this.event(event));
  }

  private wantsHeads(): boolean {
    const { outputs, observers, sinks, tests, onLines } = this.options;
    if (tests.length > 0 || onLines !== undefined || this.options.keepHeads) return true;
    return outputs.some((output) => output.format !== "none") || !!observers?.length || !!sinks?.length;
  }

  /** Exchanges can be written as they are when nothing changes them first. */
  private get direct(): boolean {
    const { enrichers, remote } = this.options;
    return !remote && this.whole && enrichers.every((enricher) => enricher.enrich === undefined);
  }

  /** What is shown of an event is the event. */
  private get whole(): boolean {
    const { captureRequest, captureResponse } = this.options;
    return captureRequest && captureResponse && !this.foreign;
  }

  /** Plug-ins make or change events: what they put in is redacted as well. */
  private get foreign(): boolean {
    const { plugins } = this.options;
    return plugins !== undefined && plugins.enrichers.length + plugins.protocols.length > 0;
  }

  private event(given: EarshotEvent): void {
    const event = this.foreign ? this.options.redactor.event(given) : given;
    if (!this.passes(event)) return;
    const shown = event.type === "transaction" ? this.halves(event) : event;
    if (shown === null) return;
    this.shown++;
    for (const observer of this.options.observers ?? []) observer(shown);
    this.outputs.write(shown);
  }

  private passes(event: EarshotEvent): boolean {
    for (const test of this.options.tests) if (!test(event)) return false;
    for (const filter of this.filters) if (!filter(event)) return false;
    return true;
  }

  /** `--capture-request` and `--capture-response`: rows for the halves that are wanted. */
  private halves(event: TransactionEvent): TransactionEvent | null {
    const { captureRequest, captureResponse } = this.options;
    if (captureRequest && captureResponse) return event;
    if (captureRequest) return event.request === null ? null : { ...event, response: null };
    return event.response === null ? null : { ...event, request: null };
  }

  // ---- while it runs

  /** An event that a plug-in's protocol made: counted like those of the protocols that ship. */
  private given(event: EarshotEvent): void {
    const { ledger } = this;
    if (event.type === "tls") ledger.tlsConnections++;
    if (event.type === "transaction") {
      ledger.transactions++;
      ledger[
        ({ complete: "complete", "no-response": "noResponse", aborted: "aborted", gap: "withGap" } as const)[
          event.outcome
        ]
      ]++;
    }
    this.pipeline.publish(event);
  }

  /** Other filters from now on. */
  refilter(filters: readonly EventTest[]): void {
    this.filters = filters;
  }

  /** Other names are redacted from now on. What was to be shown as sent at the start still is. */
  reredact(options: Omit<RedactOptions, "reveal">): void {
    const { redactor } = this.options;
    if (redactor.reveal) return;
    redactor.reconfigure(options);
    this.pipeline.redactWith(redactor.head);
  }

  /** Files that others may have renamed are opened anew. */
  reopenFiles(): void {
    this.outputs.reopen();
  }

  // ---- the source's side

  interfaceOpened(info: CaptureInterface): void {
    this.pipeline.interfaceOpened(info);
  }

  packet(raw: RawPacket): void {
    this.pipeline.packet(raw);
  }

  advance(now: Micros): void {
    this.pipeline.advance(now);
  }

  /** For readers of files: a promise to wait for when an output has too much queued. */
  pause(): Promise<unknown> | undefined {
    return this.outputs.pause();
  }

  flushLines(): void {
    this.outputs.flush();
  }

  /** Gives out what is open and writes out what is queued. */
  async finish(): Promise<void> {
    this.pipeline.end();
    for (const enricher of this.options.enrichers) enricher.close?.();
    await this.outputs.close();
  }
}

/** What took this long from the first request byte to the last response byte; the unknown is not shown as slow. */
function slowerThan(exchange: Exchange, milliseconds: number): boolean {
  if (!exchange.requestSeen || !exchange.responseSeen) return false;
  const end = exchange.responseComplete ? exchange.responseEnd : exchange.responseStart;
  return end !== NEVER && end - exchange.requestStart >= milliseconds * MILLISECOND;
}
