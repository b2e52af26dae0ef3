/** Reads a capture that a test holds in memory, in pieces of any size, and keeps what came out. */
import { Ledger } from "../../src/core/ledger.ts";
import type { CaptureInterface, PacketHandler, RawPacket } from "../../src/core/packet.ts";
import type { Micros } from "../../src/core/units.ts";
import type { ByteWindow } from "../../src/source/file/byte-window.ts";
import { CaptureFile, type CaptureProblem } from "../../src/source/file/capture-file.ts";
import type { Input } from "../../src/source/file/input.ts";

export interface SeenPacket {
  readonly time: Micros;
  readonly bytes: string;
  readonly wireLength: number;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly direction: number;
  readonly comment: string | null;
}

/** Keeps copies of everything a source hands over. */
export class Collector implements PacketHandler {
  readonly packets: SeenPacket[] = [];
  readonly interfaces: CaptureInterface[] = [];
  readonly keyLogs: string[] = [];

  interfaceOpened(info: CaptureInterface): void {
    this.interfaces.push(info);
  }

  packet(raw: RawPacket): void {
    this.packets.push({
      time: raw.time,
      bytes: Buffer.from(raw.bytes.subarray(raw.start, raw.end)).toString("hex"),
      wireLength: raw.wireLength,
      linkType: raw.linkType,
      interfaceId: raw.interfaceId,
      direction: raw.direction,
      comment: raw.comment,
    });
  }

  secrets(keyLog: string): void {
    this.keyLogs.push(keyLog);
  }
}

/** Gives the bytes in pieces: `pieces` are their sizes, used again and again. */
export class MemoryInput implements Input {
  bytesRead = 0;
  readonly totalBytes: number;
  readonly compression = null;
  readonly synchronous = true;
  private readonly content: Uint8Array;
  private readonly pieces: readonly number[];
  private turn = 0;

  constructor(content: Uint8Array, pieces: readonly number[] = [65536]) {
    this.content = content;
    this.totalBytes = content.length;
    this.pieces = pieces;
  }

  fill(window: ByteWindow): undefined {
    const size = Math.max(1, this.pieces[this.turn++ % this.pieces.length]);
    const piece = this.content.subarray(this.bytesRead, this.bytesRead + size);
    if (piece.length === 0) window.final = true;
    else this.bytesRead += window.take(piece, 0);
  }

  close(): void {}
}

export interface Reading {
  readonly seen: Collector;
  readonly packets: readonly SeenPacket[];
  readonly problems: readonly CaptureProblem[];
  readonly ledger: Ledger;
  readonly file: CaptureFile;
}

/** Reads a capture from memory to its end. */
export function readBytes(
  content: Uint8Array,
  options: { readonly pieces?: readonly number[]; readonly window_bytes?: number } = {},
): Reading {
  const ledger = new Ledger();
  const seen = new Collector();
  const problems: CaptureProblem[] = [];
  const input = new MemoryInput(content, options.pieces);
  const file = new CaptureFile("test.pcap", input, {
    ledger,
    window_bytes: options.window_bytes ?? 64,
    onProblem: (problem) => problems.push(problem),
  });
  file.run(seen);
  return { seen, packets: seen.packets, problems, ledger, file };
}

/** What a reader should make of packets that a builder was given. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
