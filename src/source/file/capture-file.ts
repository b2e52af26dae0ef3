/**
 * One capture file or pipe: opened, told apart, read packet by packet. `run` and `runAsync` hand over everything;
 * `next` and `fill` are the two steps they are made of, for whoever has to alternate between files.
 */
import type { Ledger } from "../../core/ledger.ts";
import { type CaptureInterface, type PacketHandler, RawPacket } from "../../core/packet.ts";
import { Trouble } from "../../core/trouble.ts";
import type { Micros } from "../../core/units.ts";
import { ByteWindow } from "./byte-window.ts";
import {
  type Compression,
  type FormatEvents,
  type FormatName,
  formatOf,
  MAGIC_BYTES,
  openFormat,
  type PacketFormat,
  type ProblemCode,
} from "./format.ts";
import { emptyFile, type Input, nameOf, notACapture, openInput } from "./input.ts";

/** Large enough that reading costs little, small enough to stay in the processor's cache (docs/capture-files.md). */
const WINDOW_BYTES = 512 * 1024;

/** Something in a file's content is wrong. Told once for each code and file; the ledger counts every case. */
export interface CaptureProblem {
  readonly code: ProblemCode;
  readonly path: string;
  /** Place of the first case in the (decompressed) file. */
  readonly offset_bytes: number;
  /** One line for a person, with the file's name. */
  readonly message: string;
}

export interface CaptureOptions {
  readonly ledger: Ledger;
  readonly onProblem?: (problem: CaptureProblem) => void;
  /** Gives the next interface number; files that are read together share one. */
  readonly nextInterfaceId?: () => number;
  readonly window_bytes?: number;
}

export interface CaptureProgress {
  /** Bytes of the files or pipes, before decompression. */
  readonly bytesRead: number;
  /** null when a pipe is among them. */
  readonly totalBytes: number | null;
  readonly packets: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Awaited between chunks when it gives a promise: how a consumer slows reading down. */
  readonly pause?: () => Promise<unknown> | undefined;
}

export interface CaptureFileSummary {
  readonly path: string;
  /** null when the file ended, or reading was aborted, before its magic number was seen. */
  readonly format: FormatName | null;
  readonly compression: Compression | null;
  readonly bytes: number;
  readonly packets: number;
  /** Earliest and latest packet; null when there was none. */
  readonly firstTime: Micros | null;
  readonly lastTime: Micros | null;
  readonly interfaces: readonly CaptureInterface[];
  readonly problems: readonly CaptureProblem[];
}

/** Opens a capture file, or standard input for `-`. Throws Trouble when it plainly is none. */
export function openCapture(path: string, options: CaptureOptions): CaptureFile {
  return new CaptureFile(path, openInput(path), options);
}

export class CaptureFile {
  readonly path: string;
  /** The packet that `next` read. */
  readonly raw = new RawPacket();
  packets = 0;
  private readonly options: CaptureOptions;
  private readonly input: Input;
  private readonly window: ByteWindow;
  private readonly problems: CaptureProblem[] = [];
  private readonly interfaces: CaptureInterface[] = [];
  private format: PacketFormat | null = null;
  private handler: PacketHandler | null = null;
  private firstTime: Micros = Number.POSITIVE_INFINITY;
  private lastTime: Micros = Number.NEGATIVE_INFINITY;
  private closed = false;

  constructor(path: string, input: Input, options: CaptureOptions) {
    this.path = path;
    this.input = input;
    this.options = options;
    this.window = new ByteWindow(options.window_bytes ?? WINDOW_BYTES);
  }

  /** A regular, uncompressed file: `run` can read it, and `fill` never has to wait. */
  get synchronous(): boolean {
    return this.input.synchronous;
  }

  get bytesRead(): number {
    return this.input.bytesRead;
  }

  get totalBytes(): number | null {
    return this.input.totalBytes;
  }

  /** Nothing is left to read. */
  get ended(): boolean {
    return this.window.final;
  }

  /** Who hears of interfaces and secrets, from the first `next` on. */
  open(handler: PacketHandler): void {
    this.handler = handler;
  }

  /** Reads a regular, uncompressed file to its end. */
  run(handler: PacketHandler): void {
    if (!this.synchronous) throw new Error(`${this.path} has to be read with runAsync`);
    this.open(handler);
    try {
      for (;;) {
        this.deliver(handler, Number.POSITIVE_INFINITY);
        if (this.ended) break;
        this.fill();
      }
    } finally {
      this.close();
    }
  }

  /** Reads whatever it is to its end; packets of a pipe are handed over as they arrive. */
  async runAsync(handler: PacketHandler, options: RunOptions = {}): Promise<void> {
    this.open(handler);
    const stop = () => this.close();
    options.signal?.addEventListener("abort", stop, { once: true });
    try {
      while (!options.signal?.aborted) {
        this.deliver(handler, Number.POSITIVE_INFINITY);
        if (this.ended) break;
        await this.fill();
        await options.pause?.();
      }
    } finally {
      options.signal?.removeEventListener("abort", stop);
      this.close();
    }
  }

  /**
   * Hands over every packet in the window up to the time `until`. True when a later packet waits in `raw`, false when
   * the window is used up: then `fill`, unless `ended`.
   */
  deliver(handler: PacketHandler, until: Micros): boolean {
    const raw = this.raw;
    while (this.next()) {
      if (raw.time > until) return true;
      handler.packet(raw);
    }
    return false;
  }

  /** Reads the next packet into `raw`; false when the window holds none. */
  next(): boolean {
    if (this.format === null && !this.recognise()) return false;
    if (!this.format?.next(this.window, this.raw)) return false;
    this.packets++;
    if (this.raw.time < this.firstTime) this.firstTime = this.raw.time;
    if (this.raw.time > this.lastTime) this.lastTime = this.raw.time;
    return true;
  }

  /** Reads more bytes. Never throws: an error is a problem of the file, and its end. */
  fill(): Promise<void> | undefined {
    try {
      return this.input.fill(this.window)?.catch((error) => this.failed(error));
    } catch (error) {
      this.failed(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.input.close();
    this.window.close();
  }

  summary(): CaptureFileSummary {
    return {
      path: this.path,
      format: this.format?.name ?? null,
      compression: this.input.compression,
      bytes: this.bytesRead,
      packets: this.packets,
      firstTime: this.packets > 0 ? this.firstTime : null,
      lastTime: this.packets > 0 ? this.lastTime : null,
      interfaces: this.interfaces,
      problems: this.problems,
    };
  }

  /** Whether the first bytes are there and say what the file is; throws Trouble when they say it is no capture. */
  private recognise(): boolean {
    const { window } = this;
    if (window.length < MAGIC_BYTES && !window.final) {
      window.wanted = MAGIC_BYTES;
      return false;
    }
    // closed early, or broken before its first byte came out: not the file's fault that nothing is there
    if (window.length === 0 && (this.closed || this.problems.length > 0)) return false;
    if (window.length === 0) throw emptyFile(this.path);
    const name = formatOf(window.bytes, window.length);
    if (name === null) throw notACapture(this.path);
    this.format = openFormat(name, this.events());
    return true;
  }

  private events(): FormatEvents {
    const { ledger, nextInterfaceId } = this.options;
    return {
      interfaceOpened: (info) => {
        const id = nextInterfaceId?.() ?? this.interfaces.length;
        const one = { id, ...info };
        this.interfaces.push(one);
        this.handler?.interfaceOpened(one);
        return id;
      },
      secrets: (keyLog) => this.handler?.secrets?.(keyLog),
      dropped: (packets) => {
        ledger.kernelDropped += packets;
      },
      problem: (code, offset, message) => this.problem(code, offset, message),
    };
  }

  private problem(code: ProblemCode, offset_bytes: number, message: string): void {
    this.options.ledger.anomaly(code);
    if (this.problems.some((known) => known.code === code)) return;
    const line = `${nameOf(this.path)}: ${message} (byte ${offset_bytes})`;
    const problem = { code, path: this.path, offset_bytes, message: line };
    this.problems.push(problem);
    this.options.onProblem?.(problem);
  }

  private failed(error: NodeJS.ErrnoException): void {
    this.window.final = true;
    if (this.closed) return;
    if (error instanceof Trouble) throw error;
    const offset = this.window.offset(this.window.end);
    const code = error.code ?? "";
    if (code === "Z_BUF_ERROR") {
      this.problem("capture.truncated", offset, "compressed data ends too early; what came before was read");
    } else if (code.startsWith("Z_") || code.startsWith("ZSTD_")) {
      this.problem("capture.compression-invalid", offset, "compressed data is damaged; what came before was read");
    } else {
      this.problem(
        "capture.read-failed",
        offset,
        `reading failed (${code || error.message}); what came before was read`,
      );
    }
  }
}
