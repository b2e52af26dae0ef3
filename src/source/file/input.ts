/**
 * Where the bytes of a capture come from: a regular file, read synchronously into the window, or a stream (pipe,
 * standard input, compressed file), read as bytes arrive. Opening turns what is wrong into one clear line.
 */
import fs from "node:fs";
import type { Readable } from "node:stream";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { ByteWindow } from "./byte-window.ts";
import { decompressed } from "./decompress.ts";
import { type Compression, compressionOf, formatOf, MAGIC_BYTES } from "./format.ts";

export const STANDARD_INPUT = "-";

export interface Input {
  /** Bytes of the file or pipe that were read, before decompression. */
  readonly bytesRead: number;
  /** Size of the file; null for a pipe. */
  readonly totalBytes: number | null;
  readonly compression: Compression | null;
  /** Whether `fill` never returns a promise. */
  readonly synchronous: boolean;
  /** Adds bytes to the window or marks it final; throws what the system says. */
  fill(window: ByteWindow): Promise<void> | undefined;
  close(): void;
}

class FileInput implements Input {
  bytesRead: number;
  readonly totalBytes: number;
  readonly compression = null;
  readonly synchronous = true;
  private descriptor: number;
  private head: Uint8Array | null;

  constructor(descriptor: number, totalBytes: number, head: Uint8Array) {
    this.descriptor = descriptor;
    this.totalBytes = totalBytes;
    this.bytesRead = head.length;
    this.head = head;
  }

  fill(window: ByteWindow): undefined {
    if (this.head !== null) {
      window.take(this.head, 0);
      this.head = null;
    }
    window.makeRoom();
    const count = fs.readSync(this.descriptor, window.bytes, window.end, window.bytes.length - window.end, null);
    window.end += count;
    this.bytesRead += count;
    if (count === 0) window.final = true;
  }

  close(): void {
    // standard input stays open: closing it would let the next file have its number
    if (this.descriptor > 0) fs.closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

class StreamInput implements Input {
  bytesRead = 0;
  readonly totalBytes: number | null;
  compression: Compression | null = null;
  readonly synchronous = false;
  private readonly stream: Readable;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  private taken = 0;

  constructor(stream: Readable, totalBytes: number | null, head: Uint8Array) {
    this.totalBytes = totalBytes;
    this.stream = stream;
    this.chunks = decompressed(this.counted(head), (compression) => {
      this.compression = compression;
    });
  }

  async fill(window: ByteWindow): Promise<void> {
    while (this.taken === this.chunk.length) {
      const { done, value } = await this.chunks.next();
      if (done) {
        window.final = true;
        return;
      }
      this.chunk = value;
      this.taken = 0;
    }
    this.taken += window.take(this.chunk, this.taken);
  }

  close(): void {
    this.stream.destroy();
    // ends the codec too; nobody waits for it
    void this.chunks.return?.()?.catch(() => {});
  }

  private async *counted(head: Uint8Array): AsyncGenerator<Uint8Array> {
    if (head.length > 0) {
      this.bytesRead += head.length;
      yield head;
    }
    for await (const chunk of this.stream) {
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }
}

/** Opens a file, or standard input for `-`. Throws Trouble for whatever is not a readable capture. */
export function openInput(path: string): Input {
  if (path === STANDARD_INPUT) return openStandardInput();
  try {
    const status = fs.statSync(path);
    if (status.isDirectory()) throw badFile(`${path}: is a directory, not a capture file`);
    // opening a named pipe would wait for its writer, so that is left to the stream
    if (!status.isFile()) return new StreamInput(fs.createReadStream(path), null, new Uint8Array(0));
    return openRegularFile(fs.openSync(path, "r"), path);
  } catch (error) {
    throw error instanceof Trouble ? error : openTrouble(path, error as NodeJS.ErrnoException);
  }
}

/** Whether a path gives the same bytes each time: a regular file, not a pipe or standard input. */
export function canBeReopened(path: string): boolean {
  return path !== STANDARD_INPUT && (fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
}

export function notACapture(path: string): Trouble {
  return badFile(`${nameOf(path)}: not a capture file (pcap, pcapng, or either compressed with gzip or zstd)`);
}

export function emptyFile(path: string): Trouble {
  return badFile(`${nameOf(path)}: empty, not even a capture file header`);
}

/** How a path is called in messages. */
export function nameOf(path: string): string {
  return path === STANDARD_INPUT ? "standard input" : path;
}

function openStandardInput(): Input {
  let status: fs.Stats;
  try {
    status = fs.fstatSync(0);
  } catch (error) {
    throw badFile("standard input: is closed", { cause: error });
  }
  if (status.isDirectory()) throw badFile("standard input: is a directory, not a capture file");
  if (status.isFile()) return openRegularFile(0, STANDARD_INPUT);
  if (process.stdin.isTTY) {
    const hint = "pipe a capture in: tcpdump -w - | earshot read -";
    throw new Trouble("standard input: is a terminal, not a capture", { exitCode: EXIT.usage, hint });
  }
  return new StreamInput(process.stdin, null, new Uint8Array(0));
}

function openRegularFile(descriptor: number, path: string): Input {
  const head = new Uint8Array(MAGIC_BYTES);
  try {
    const length = fs.readSync(descriptor, head, 0, MAGIC_BYTES, null);
    if (length === 0) throw emptyFile(path);
    const totalBytes = fs.fstatSync(descriptor).size;
    if (compressionOf(head, length) !== null) {
      const stream = fs.createReadStream("", { fd: descriptor, autoClose: descriptor > 0, highWaterMark: 128 * 1024 });
      return new StreamInput(stream, totalBytes, head.subarray(0, length));
    }
    if (formatOf(head, length) === null) throw notACapture(path);
    return new FileInput(descriptor, totalBytes, head.subarray(0, length));
  } catch (error) {
    if (descriptor > 0) fs.closeSync(descriptor);
    throw error;
  }
}

function openTrouble(path: string, error: NodeJS.ErrnoException): Trouble {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return badFile(`${path}: no such file`);
  if (error.code === "EACCES" || error.code === "EPERM") {
    return badFile(`${path}: no permission to read it`, {
      hint: `run as a user who may read it, or: chmod +r ${path}`,
    });
  }
  if (error.code === "EMFILE" || error.code === "ENFILE") {
    return badFile(`${path}: too many files are open at once`, {
      hint: "raise the limit (ulimit -n) or read fewer files",
    });
  }
  return badFile(`${path}: cannot be read (${error.code ?? error.message})`, { cause: error });
}

function badFile(message: string, options: { hint?: string; cause?: unknown } = {}): Trouble {
  return new Trouble(message, { exitCode: EXIT.badFile, ...options });
}
