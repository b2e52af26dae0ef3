/**
 * Bytes of a stream, decompressed when they turn out to be gzip or zstd. Memory is bounded by the codec's window: a
 * chunk is read only when the one before it was used up.
 */
import type { Transform } from "node:stream";
import { zlib } from "../../core/on-demand.ts";
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
    if (compression !== null) yield* throughCodecs(compression, head, chunks);
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

type Codec = Transform & { readonly bytesWritten: number };

/**
 * A file may be several compressed ones in a row. Node's gzip goes on by itself; its zstd ends where the first one ends
 * inside one write (nodejs/node issue 64741), so the rest goes to a new codec.
 */
async function* throughCodecs(
  compression: Compression,
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let left: Uint8Array | null = head; left !== null; ) {
    const codec = openCodec(compression);
    const feeding: Promise<Uint8Array | null> = feed(codec, left, rest).catch((error: Error) => {
      codec.destroy(error);
      return null;
    });
    try {
      for await (const chunk of codec) yield plain(chunk);
    } finally {
      codec.destroy();
      left = await feeding;
    }
  }
}

/** Writes until the source, or what the codec takes, ends; gives what was left over, null for nothing. */
async function feed(codec: Codec, head: Uint8Array, rest: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> {
  let written = () => {};
  // a codec that was destroyed may never call back
  codec.once("close", () => written());
  for (let chunk = head; !codec.destroyed; ) {
    const before = codec.bytesWritten;
    const part = chunk;
    await new Promise<void>((resolve) => {
      written = resolve;
      codec.write(part, () => resolve());
    });
    const taken = codec.bytesWritten - before;
    // a codec that took nothing has told why by an error
    if (taken < chunk.length) return taken > 0 ? chunk.subarray(taken) : null;
    const { done, value }: IteratorResult<Uint8Array> = await rest.next();
    if (done) break;
    chunk = value;
  }
  if (!codec.destroyed) codec.end();
  return null;
}

function openCodec(compression: Compression): Codec {
  const { createGunzip, createZstdDecompress } = zlib();
  if (compression === "gzip") return createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  if (typeof createZstdDecompress !== "function") {
    const hint = "use Node 22.15 or newer, or decompress it first: zstd -dc FILE | earshot read -";
    throw new Trouble(`this Node (${process.version}) cannot read zstd`, { exitCode: EXIT.unsupported, hint });
  }
  return createZstdDecompress({ chunkSize: OUTPUT_CHUNK_BYTES });
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
