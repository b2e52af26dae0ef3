/**
 * A destination of lines or raw bytes: standard output or a file. Records are joined into chunks, one write is made at
 * a time, and what waits is bounded. Whole records only: a chunk never ends inside one.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { Destination } from "./destination.ts";
import { within } from "./within.ts";

/** Writes chunks, one at a time. `write` rejects when the chunk cannot be written. */
export interface ChunkWriter {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Begins anew with the next chunk: a file that others renamed. */
  reopen?(): void;
}

export interface StreamOptions {
  /** Shown in the ledger when records are lost. */
  readonly name: string;
  readonly ledger: Ledger;
  /** Live: over the limit records are dropped. Else they are kept, and the reader must wait for `drained`. */
  readonly drop: boolean;
  /** Octets that may wait. 32 MiB holds some seconds of a very busy host's lines. */
  readonly limit_bytes?: number;
  /** Text is gathered up to here before it is written. */
  readonly chunk_bytes?: number;
  /** Time that `close` gives to what waits, where dropping is allowed. */
  readonly close_timeout_ms?: number;
  /** The reader is gone (`| head`): called once. The program should end, and that is no error. */
  readonly onEnd?: () => void;
  /** Writing failed for another reason (disk full): called once with what to tell the user. */
  readonly onFailure?: (error: Error) => void;
}

/** Lines of some 2 kB: 10,000 exchanges a second fill this in a second and a half when the disk stands still. */
const DEFAULT_LIMIT_BYTES = 32 * 1024 * 1024;
/** Text is gathered up to here before it becomes bytes: one system call for many lines. */
const CHUNK_BYTES = 256 * 1024;

/** What is written at once, at most, of chunks that wait. */
const JOINED_BYTES = 8 * 1024 * 1024;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly records: number;
}

export class StreamDestination implements Destination {
  readonly name: string;
  ended = false;
  private readonly writer: ChunkWriter;
  private readonly options: StreamOptions;
  private readonly limit: number;
  private readonly chunks: Chunk[] = [];
  private chunksBytes = 0;
  private text = "";
  private textRecords = 0;
  private inFlightBytes = 0;
  private inFlightRecords = 0;
  private pumping: Promise<void> | null = null;
  private failed = false;
  private closing: Promise<void> | null = null;
  private waiting: (() => void)[] = [];

  constructor(writer: ChunkWriter, options: StreamOptions) {
    this.name = options.name;
    this.writer = writer;
    this.options = options;
    this.limit = options.limit_bytes ?? DEFAULT_LIMIT_BYTES;
  }

  reopen(): void {
    this.writer.reopen?.();
  }

  /** Octets that wait; text counts by its characters until it is encoded. */
  get queued_bytes(): number {
    return this.chunksBytes + this.text.length + this.inFlightBytes;
  }

  get full(): boolean {
    return this.queued_bytes >= this.limit;
  }

  record(text: string): void {
    if (this.refuses(1)) return;
    this.text += text;
    this.text += "\n";
    this.textRecords++;
    if (this.text.length >= (this.options.chunk_bytes ?? CHUNK_BYTES)) this.sealText();
    this.pump();
  }

  /** Takes whole records as bytes, line ends included. The bytes are kept: hand over what you will not write to again. */
  bytes(bytes: Uint8Array, records: number): void {
    if (this.refuses(records)) return;
    this.sealText();
    this.chunks.push({ bytes, records });
    this.chunksBytes += bytes.length;
    this.pump();
  }

  drained(): Promise<void> {
    if (!this.full || this.ended) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    const flushed = this.flush();
    if (this.options.drop) await within(flushed, this.options.close_timeout_ms ?? 5_000);
    else await flushed;
    const left = this.textRecords + this.inFlightRecords + this.chunks.reduce((sum, chunk) => sum + chunk.records, 0);
    if (left > 0 && !this.ended) this.options.ledger.sinkDrop(this.name, left);
    this.ended = true;
    this.forget();
    await within(
      this.writer.close().catch(() => {}),
      1_000,
    );
  }

  private async flush(): Promise<void> {
    while (!this.ended && this.pumping !== null) await this.pumping;
  }

  private refuses(records: number): boolean {
    if (this.ended) return true;
    if (!this.options.drop || !this.full) return false;
    this.options.ledger.sinkDrop(this.name, records);
    return true;
  }

  private sealText(): void {
    if (this.text === "") return;
    const bytes = Buffer.from(this.text);
    this.chunks.push({ bytes, records: this.textRecords });
    this.chunksBytes += bytes.length;
    this.text = "";
    this.textRecords = 0;
  }

  private pump(): void {
    this.pumping ??= this.writeAll();
  }

  private async writeAll(): Promise<void> {
    // the lines of this turn of the event loop go out together
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!this.ended) {
      if (this.chunks.length === 0) this.sealText();
      const chunk = this.next();
      if (chunk === null) break;
      this.inFlightBytes = chunk.bytes.length;
      this.inFlightRecords = chunk.records;
      try {
        await this.writer.write(chunk.bytes);
      } catch (error) {
        this.writingFailed(error as NodeJS.ErrnoException);
      }
      this.inFlightBytes = 0;
      this.inFlightRecords = 0;
      if (!this.full) this.wake();
    }
    // in the same step as the look at the empty queue: a record that comes now starts a new round
    this.pumping = null;
    this.wake();
  }

  /** What waits, joined: each write takes a turn of the event loop, and behind live traffic a turn may be long. */
  private next(): Chunk | null {
    // small chunks were asked for where files are small
    const most = this.options.chunk_bytes ?? JOINED_BYTES;
    let bytes = 0;
    let count = 0;
    while (count < this.chunks.length && (count === 0 || bytes + this.chunks[count].bytes.length <= most)) {
      bytes += this.chunks[count++].bytes.length;
    }
    const taken = this.chunks.splice(0, count);
    this.chunksBytes -= bytes;
    if (taken.length < 2) return taken[0] ?? null;
    const records = taken.reduce((sum, chunk) => sum + chunk.records, 0);
    return { bytes: Buffer.concat(taken.map((chunk) => chunk.bytes)), records };
  }

  private writingFailed(error: NodeJS.ErrnoException): void {
    if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") {
      this.ended = true;
      this.forget();
      this.options.onEnd?.();
      return;
    }
    this.options.ledger.sinkDrop(this.name, this.inFlightRecords);
    if (!this.failed) this.options.onFailure?.(error);
    this.failed = true;
  }

  private forget(): void {
    this.chunks.length = 0;
    this.chunksBytes = 0;
    this.text = "";
    this.textRecords = 0;
    this.wake();
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
