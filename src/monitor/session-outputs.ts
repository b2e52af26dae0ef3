/**
 * The outputs of a session: lines of JSON written from bytes where nothing has to look at an exchange first, and sinks of
 * plain events for everything else. Takes what is asked for, listens to the pipeline itself for the first kind; the
 * session hands the second what it shows.
 */
import type { EarshotEvent } from "../core/event.ts";
import type { ExchangeListener } from "../core/exchange.ts";
import { printableJson } from "../core/printable.ts";
import type { Sink } from "../core/roles.ts";
import { eventFormat } from "../sink/formats.ts";
import { jsonFormat } from "../sink/json/format.ts";
import { LineBuffer } from "../sink/json/line-buffer.ts";
import { writeAll } from "../sink/json/stdout.ts";
import { JsonWriter } from "../sink/json/writer.ts";
import { type Destination, type EventFormat, FormatSink } from "../sink/output/destination.ts";
import { openDestination } from "../sink/output/open.ts";
import type { OutputSpec } from "../sink/output/spec.ts";
import { TableFormat } from "../sink/table/table.ts";
import type { Pipeline } from "./pipeline.ts";
import type { EventTest, SessionOptions } from "./session.ts";

type TakeLines = NonNullable<SessionOptions["onLines"]>;

/** How often buffered rows of live traffic are written. */
const FLUSH_EVERY_MS = 100;

export class SessionOutputs {
  private readonly options: SessionOptions;
  private readonly pipeline: Pipeline;
  /** Which exchanges are written from bytes; null when none can be. */
  private readonly passes: EventTest | null;
  private readonly sinks: Sink[] = [];
  private readonly destinations: Destination[] = [];
  private readonly lines: LineBuffer[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** `passes` reads its event and keeps nothing of it. Throws Trouble when an output does not open. */
  constructor(options: SessionOptions, pipeline: Pipeline, passes: EventTest | null) {
    this.options = options;
    this.pipeline = pipeline;
    this.passes = passes;
    const { outputs, sinks = [], onLines, live } = options;
    if (onLines !== undefined) this.openLines(onLines);
    for (const output of outputs) {
      if (output.format === "none") continue;
      if (output.format === "json" && passes !== null) this.openFastJson(output);
      else this.openSink(output);
    }
    this.sinks.push(...sinks);
    if (live && this.lines.length > 0) this.timer = setInterval(() => this.flush(), FLUSH_EVERY_MS);
  }

  /** Somebody takes events. */
  get takeEvents(): boolean {
    return this.sinks.length > 0;
  }

  /** And keeps them: lent ones will not do. */
  get keepEvents(): boolean {
    return this.sinks.some((sink) => !sink.lends);
  }

  write(event: EarshotEvent): void {
    for (const sink of this.sinks) sink.write(event);
  }

  /** JSON written from bytes. To standard output behind a file at once; else through a destination's queue. */
  private openFastJson(output: OutputSpec): void {
    const direct = output.destination.kind === "stdout" && !this.options.live;
    let lines: LineBuffer;
    if (direct) lines = new LineBuffer((bytes, length) => writeAll(1, bytes, length));
    else {
      const destination = this.open(output, "");
      if (!("bytes" in destination)) {
        this.sinks.push(new FormatSink(jsonFormat, destination));
        return;
      }
      const stream = destination as Destination & { bytes(bytes: Uint8Array, records: number): void };
      lines = countedLines((bytes, length, records) => stream.bytes(bytes.slice(0, length), records));
    }
    this.writeExchanges(lines, this.passes as EventTest);
  }

  private openLines(onLines: TakeLines): void {
    const lines = countedLines(onLines);
    if (this.passes !== null) {
      this.writeExchanges(lines, this.passes);
      return;
    }
    this.lines.push(lines);
    this.sinks.push({ name: "lines", write: (event) => writeLine(lines, event) });
  }

  private writeExchanges(lines: LineBuffer, passes: EventTest): void {
    this.lines.push(lines);
    const { pipeline } = this;
    const { live, tests, filters = [] } = this.options;
    const writer = new JsonWriter(lines, (exchange, request) => {
      const body = pipeline.materializer.body(exchange, request);
      return body === null ? null : JSON.stringify(body);
    });
    // behind a file nobody sets filters later
    const all = !live && tests.length + filters.length === 0;
    const choosing: ExchangeListener = {
      exchange: (exchange) => {
        if (passes(pipeline.look(exchange))) writer.exchange(exchange);
      },
    };
    pipeline.onExchange(all ? writer : choosing);
    pipeline.onEvent((event) => {
      if (event.type === "transaction" || !passes(event)) return;
      writeLine(lines, event);
      // an alert does not wait for the next flush: it may be the last that is heard of this program
      if (live && event.type === "alert") lines.flush();
    }, "others");
  }

  private openSink(output: OutputSpec): void {
    const format = this.formatOf(output);
    const sink = new FormatSink(format, this.open(output, format.header?.() ?? ""));
    this.sinks.push(sink);
  }

  private formatOf(output: OutputSpec): EventFormat {
    if (output.format === "json") return jsonFormat;
    if (output.format === "table") {
      const toFile = output.destination.kind !== "stdout";
      const { table } = this.options;
      return new TableFormat(toFile ? { ...table, color: false } : { ...table, titlesWithFirstRow: true });
    }
    const format = eventFormat(output, this.options.formats);
    if (format === null) throw new Error(`no format ${output.format}`);
    return format;
  }

  private open(output: OutputSpec, header: string): Destination {
    const destination = openDestination(output, {
      ledger: this.options.ledger,
      live: this.options.live,
      header,
      onEnd: this.options.onOutputClosed,
      onFailure: (name, error) => this.options.onNotice(`output ${name}: ${error.message}`),
    });
    this.destinations.push(destination);
    return destination;
  }

  /** Files that others may have renamed are opened anew. */
  reopen(): void {
    for (const destination of this.destinations) destination.reopen?.();
  }

  /** For readers of files: a promise to wait for when an output has too much queued. */
  pause(): Promise<unknown> | undefined {
    const full = this.destinations.filter((destination) => destination.full);
    return full.length === 0 ? undefined : Promise.all(full.map((destination) => destination.drained()));
  }

  flush(): void {
    for (const lines of this.lines) lines.flush();
  }

  /** Writes out what is queued. */
  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.flush();
    await Promise.all(this.sinks.map((sink) => sink.close?.()));
    await Promise.all(this.destinations.map((destination) => destination.close()));
  }
}

/** A buffer that tells how many lines are in what it gives out. */
function countedLines(take: TakeLines): LineBuffer {
  let before = 0;
  const buffer = new LineBuffer((bytes, length) => {
    take(bytes, length, buffer.lines - before);
    before = buffer.lines;
  });
  return buffer;
}

function writeLine(lines: LineBuffer, event: EarshotEvent): void {
  lines.begin(0);
  lines.text(`${printableJson(JSON.stringify(event))}\n`);
  lines.end();
}
