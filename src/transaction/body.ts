/** A kept body as text: content coding undone within limits (RFC 9110 section 8.4), secrets hidden. Off the hot path. */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import type { Body } from "../core/event.ts";
import type { BodySample } from "../core/exchange.ts";

export type RedactBody = (text: string, contentType: string) => string;

/** Decoded octets per kept octet: a bomb gives no more than this. */
const MAX_RATIO = 16;

export function bodyOf(sample: BodySample, redact: RedactBody): Body {
  const encoded = sample.bytes.subarray(0, sample.length);
  const limit = sample.bytes.length * MAX_RATIO;
  const decoded = decode(encoded, sample.contentEncoding, limit);
  const bytes = decoded ?? encoded;
  const truncated = sample.cut || bytes.length > sample.bytes.length;
  const shown = bytes.subarray(0, sample.bytes.length);
  const text = asText(shown, truncated);
  if (text === null) {
    // not text as a whole, but there may be text in it (a form with a file and a password)
    const redacted = redact(Buffer.from(shown).toString("latin1"), sample.contentType);
    return { text: Buffer.from(redacted, "latin1").toString("base64"), encoding: "base64", truncated };
  }
  return { text: redact(text, sample.contentType), encoding: "utf-8", truncated };
}

/** Undoes the codings, last first; null when one is unknown or broken. A body that was cut gives what is there. */
function decode(bytes: Uint8Array, encoding: string, limit: number): Uint8Array | null {
  if (encoding === "" || encoding === "identity") return bytes;
  let current = bytes;
  for (const coding of encoding.split(",").reverse()) {
    const name = coding.trim();
    const options = { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH };
    try {
      if (name === "gzip" || name === "x-gzip") current = gunzipSync(current, options);
      else if (name === "deflate") current = inflateEither(current, options);
      else if (name === "br")
        current = brotliDecompressSync(current, {
          maxOutputLength: limit,
          finishFlush: constants.BROTLI_OPERATION_FLUSH,
        });
      else if (name === "zstd")
        current = zstdDecompressSync(current, { maxOutputLength: limit, finishFlush: constants.ZSTD_e_flush });
      else if (name !== "identity") return null;
    } catch {
      return null;
    }
  }
  return current;
}

/** `deflate` means zlib (RFC 9110 section 8.4.1.2); some servers send it without the zlib header. */
function inflateEither(bytes: Uint8Array, options: { maxOutputLength: number; finishFlush: number }): Uint8Array {
  try {
    return inflateSync(bytes, options);
  } catch {
    return inflateRawSync(bytes, options);
  }
}

/** UTF-8 text, or null. A character cut at the end is left out. */
function asText(bytes: Uint8Array, cut: boolean): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}
