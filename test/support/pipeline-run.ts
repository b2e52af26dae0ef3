/** Runs packets through a whole pipeline and keeps what comes out: plain events, JSON lines, the ledger. */
import type { TransactionEvent } from "../../src/core/event.ts";
import { Ledger } from "../../src/core/ledger.ts";
import { type CaptureInterface, type PacketHandler, RawPacket } from "../../src/core/packet.ts";
import { Pipeline, type PipelineOptions } from "../../src/monitor/pipeline.ts";
import { LineBuffer } from "../../src/sink/json/line-buffer.ts";
import { JsonWriter } from "../../src/sink/json/writer.ts";
import { openCapture } from "../../src/source/file/capture-file.ts";
import type { BuiltPacket } from "./capture-builder.ts";

/** A packet, or an interface that comes before later packets. */
export interface CapturedPacket extends BuiltPacket {
  readonly linkType?: number;
}

export interface RunOptions extends Partial<PipelineOptions> {
  /** Also write every exchange with JsonWriter. */
  readonly json?: boolean;
  /** Also read every exchange as a lent event, and copy what it says. */
  readonly lent?: boolean;
  /** False makes no plain events. */
  readonly events?: boolean;
  /** Before the first packet. */
  readonly onPipeline?: (pipeline: Pipeline) => void;
}

export class PipelineRun implements PacketHandler {
  readonly ledger = new Ledger();
  readonly pipeline: Pipeline;
  readonly events: TransactionEvent[] = [];
  /** What lent events said, of the same exchanges. */
  readonly lent: unknown[] = [];
  /** Errors of our own: none may ever come. */
  readonly errors: unknown[] = [];
  private text = "";
  private readonly lineBuffer: LineBuffer | null;
  private readonly raw = new RawPacket();

  constructor(options: RunOptions = {}) {
    this.pipeline = new Pipeline({
      redactor: null,
      ...options,
      ledger: this.ledger,
      onInternalError: (error) => this.errors.push(error),
    });
    this.lineBuffer = options.json ? this.openWriter() : null;
    if (options.lent) {
      this.pipeline.onExchange({
        exchange: (exchange) => {
          const plain = this.pipeline.materializer.event(exchange);
          this.lent.push(readLike(plain, this.pipeline.look(exchange)));
        },
      });
    }
    options.onPipeline?.(this.pipeline);
    if (options.events === false) return;
    this.pipeline.onEvent((event) => {
      if (event.type === "transaction") this.events.push(event);
    });
  }

  private openWriter(): LineBuffer {
    const lines = new LineBuffer((bytes, length) => {
      this.text += Buffer.from(bytes.subarray(0, length)).toString("utf8");
    });
    const { materializer } = this.pipeline;
    this.pipeline.onExchange(
      new JsonWriter(lines, (exchange, request) => {
        const body = materializer.body(exchange, request);
        return body === null ? null : JSON.stringify(body);
      }),
    );
    return lines;
  }

  /** What JsonWriter wrote, a line each. */
  get jsonLines(): string[] {
    this.lineBuffer?.flush();
    return this.text.split("\n").slice(0, -1);
  }

  interfaceOpened(info: CaptureInterface): void {
    this.pipeline.interfaceOpened(info);
  }

  packet(raw: RawPacket): void {
    this.pipeline.packet(raw);
  }

  push(packet: CapturedPacket): void {
    const raw = this.raw;
    raw.time = packet.time;
    raw.linkType = packet.linkType ?? 1;
    raw.bytes = packet.bytes;
    raw.start = 0;
    raw.end = packet.bytes.length;
    raw.wireLength = packet.wireLength ?? packet.bytes.length;
    raw.interfaceId = packet.interfaceId ?? 0;
    raw.direction = packet.direction ?? 0;
    raw.vlanTag = -1;
    raw.comment = packet.comment ?? null;
    this.pipeline.packet(raw);
  }

  end(): this {
    this.pipeline.end();
    return this;
  }
}

/** All packets, then the end. */
export function runPackets(packets: readonly CapturedPacket[], options: RunOptions = {}): PipelineRun {
  const run = new PipelineRun(options);
  for (const packet of packets) run.push(packet);
  return run.end();
}

/** A capture held in memory, so that it can be run many times. */
export async function loadCapture(path: string): Promise<CapturedPacket[]> {
  const packets: CapturedPacket[] = [];
  await openCapture(path, { ledger: new Ledger(), onProblem: () => {} }).runAsync({
    interfaceOpened() {},
    packet(raw) {
      packets.push({
        time: raw.time,
        linkType: raw.linkType,
        bytes: raw.bytes.slice(raw.start, raw.end),
        wireLength: raw.wireLength,
        interfaceId: raw.interfaceId,
        direction: raw.direction,
      });
    },
  });
  return packets;
}

/** What `from` says where `pattern` says something: lent events have properties that only reading finds. */
function readLike(pattern: object, from: object): unknown {
  return Object.fromEntries(
    Object.entries(pattern).map(([name, value]) => {
      const said = (from as Record<string, unknown>)[name];
      const nested = value !== null && typeof value === "object" && !Array.isArray(value);
      return [name, nested && said !== null && said !== undefined ? readLike(value as object, said) : said];
    }),
  );
}
