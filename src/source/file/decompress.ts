/**
 * Bytes of a stream, decompressed when they turn out to be gzip or zstd. Memory is bounded by the codec's window: a
 * chunk is read only when the one before it was used up.
 */
import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { type Compression, compressionOf, MAGIC_BYTES } from "./format.ts";

const OUTPUT_CHUNK_BYTES = 64 * 1024;

/** Chunks of `source` as they are, or decompressed by what the first bytes say; `found` hears which. */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  found: (compression: Compression | null) => void,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  try {
    while (head.length < MAGIC_BYTES) {
      const { done, value } = await chunks.next();
      if (done) break;
      head = head.length === 0 ? plain(value) : joined(head, value);
    }
    const compression = compressionOf(head, head.length);
    found(compression);
    if (compression !== null) yield* throughCodec(openCodec(compression), head, chunks);
    else {
      yield head;
      for (;;) {
        const { done, value } = await chunks.next();
        if (done) return;
        yield plain(value);
      }
    }
  } finally {
    await chunks.return?.();
  }
}

async function* throughCodec(
  codec: Transform & { readonly bytesWritten: number },
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const feeding = feed(codec, head, rest).catch((error: Error) => codec.destroy(error));
  try {
    for await (const chunk of codec) yield plain(chunk);
  } finally {
    codec.destroy();
    await feeding;
  }
}

/**
 * A file may be several compressed ones in a row. Node's zstd stops at the end of each inside one write and forgets the
 * rest of it (nodejs/node issue 64741), so what was not taken is written again.
 */
async function feed(
  codec: Transform & { readonly bytesWritten: number },
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): Promise<void> {
  let taken = () => {};
  // a codec that was destroyed may never call back
  codec.once("close", () => taken());
  let chunk: Uint8Array | null = head;
  while (chunk !== null && !codec.destroyed) {
    for (let from = 0; from < chunk.length && !codec.destroyed; ) {
      const before = codec.bytesWritten;
      const part = chunk.subarray(from);
      await new Promise<void>((resolve) => {
        taken = resolve;
        codec.write(part, () => resolve());
      });
      if (codec.bytesWritten === before) break;
      from += codec.bytesWritten - before;
    }
    const { done, value }: IteratorResult<Uint8Array> = await rest.next();
    chunk = done ? null : value;
  }
  if (!codec.destroyed) codec.end();
}

function openCodec(compression: Compression): Transform & { readonly bytesWritten: number } {
  if (compression === "gzip") return zlib.createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  if (typeof zlib.createZstdDecompress !== "function") {
    const hint = "use Node 22.15 or newer, or decompress it first: zstd -dc FILE | earshot read -";
    throw new Trouble(`this Node (${process.version}) cannot read zstd`, { exitCode: EXIT.unsupported, hint });
  }
  return zlib.createZstdDecompress({ chunkSize: OUTPUT_CHUNK_BYTES });
}

/** Node hands out Buffers; a plain Uint8Array over the same bytes keeps later code to one kind of object. */
function plain(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
