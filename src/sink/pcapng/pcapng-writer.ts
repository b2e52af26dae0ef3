/**
 * Writes packets to a pcapng file or to standard output. Holds at most one buffer's worth; call `flush` now and then so
 * that others can follow the file. A failing output loses packets, counts them, and never throws into the caller.
 */
import fs from "node:fs";
import type { Ledger } from "../../core/ledger.ts";
import type { CaptureInterface, PacketHandler, RawPacket } from "../../core/packet.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { PcapngEncoder, type PcapngResolution } from "./pcapng-encoder.ts";

const NAME = "pcapng";
const FLUSH_BYTES = 256 * 1024;
const STANDARD_OUTPUT = "-";
/** How long a full pipe is waited for before its packets are lost. */
const PIPE_WAIT_MS = 1000;

const NO_COMMENTS: readonly string[] = [];
const sleeper = new Int32Array(new SharedArrayBuffer(4));

export interface PcapngWriterOptions {
  readonly ledger: Ledger;
  /** Unit of time in the file, microseconds when absent. */
  readonly resolution?: PcapngResolution;
  /** Told in the file; packets are not cut. */
  readonly snapLength_bytes?: number;
  /** Hears once why the output failed. */
  readonly onProblem?: (message: string) => void;
}

export class PcapngWriter implements PacketHandler {
  readonly path: string;
  packets = 0;
  private readonly options: PcapngWriterOptions;
  private readonly encoder: PcapngEncoder;
  private descriptor: number;
  /** Packets in the buffer. */
  private pending = 0;

  /** Makes or empties the file; `-` is standard output. Throws Trouble when it cannot. */
  constructor(path: string, options: PcapngWriterOptions) {
    this.path = path;
    this.options = options;
    this.encoder = new PcapngEncoder(options);
    this.descriptor = path === STANDARD_OUTPUT ? 1 : createFile(path);
  }

  /** Writing goes on: not closed, and the output has not failed. */
  get alive(): boolean {
    return this.descriptor >= 0;
  }

  interfaceOpened(info: CaptureInterface): void {
    if (this.alive) this.encoder.interfaceOpened(info);
  }

  /** Copies a packet; without `comments` the packet's own comment is kept. */
  packet(raw: RawPacket, comments?: readonly string[]): void {
    if (!this.alive) {
      this.options.ledger.sinkDrop(NAME);
      return;
    }
    this.encoder.packet(raw, comments ?? (raw.comment === null ? NO_COMMENTS : [raw.comment]));
    this.packets++;
    this.pending++;
    if (this.encoder.length >= FLUSH_BYTES) this.flush();
  }

  secrets(keyLog: string): void {
    if (this.alive) this.encoder.secrets(keyLog);
  }

  /** Writes out what is held. */
  flush(): void {
    if (!this.alive) return;
    try {
      writeWhole(this.descriptor, this.encoder.bytes, this.encoder.length);
      this.pending = 0;
    } catch (error) {
      this.failed(error as NodeJS.ErrnoException);
    }
    this.encoder.length = 0;
  }

  close(): void {
    this.flush();
    if (this.descriptor > 2) fs.closeSync(this.descriptor);
    this.descriptor = -1;
  }

  private failed(error: NodeJS.ErrnoException): void {
    this.options.ledger.sinkDrop(NAME, this.pending);
    this.packets -= this.pending;
    this.pending = 0;
    if (this.descriptor > 2) fs.closeSync(this.descriptor);
    this.descriptor = -1;
    const name = this.path === STANDARD_OUTPUT ? "standard output" : this.path;
    const reason = error.code === "ENOSPC" ? "no space left on the disk" : (error.code ?? error.message);
    // a reader that went away needs no message
    if (error.code !== "EPIPE")
      this.options.onProblem?.(`${name}: writing packets failed (${reason}); no more are written`);
  }
}

function createFile(path: string): number {
  try {
    return fs.openSync(path, "w", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
      const options = { exitCode: EXIT.permission, hint: "name a file in a folder that you may write to" };
      throw new Trouble(`${path}: no permission to write it`, options);
    }
    if (code === "ENOENT") throw new Trouble(`${path}: the folder does not exist`, { exitCode: EXIT.badFile });
    if (code === "EISDIR") throw new Trouble(`${path}: is a directory`, { exitCode: EXIT.badFile });
    throw new Trouble(`${path}: cannot be written (${code ?? message})`, { exitCode: EXIT.badFile, cause: error });
  }
}

function writeWhole(descriptor: number, bytes: Uint8Array, length: number): void {
  let waited_ms = 0;
  for (let written = 0; written < length; ) {
    try {
      written += fs.writeSync(descriptor, bytes, written, length - written);
    } catch (error) {
      // a pipe that somebody made non-blocking is full
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || waited_ms >= PIPE_WAIT_MS) throw error;
      Atomics.wait(sleeper, 0, 0, 5);
      waited_ms += 5;
    }
  }
}
