/** A kept body as text: content coding undone within limits (RFC 9110 section 8.4), secrets hidden. Off the hot path. */
import type { Body } from "../core/event.ts";
import type { BodySample } from "../core/exchange-rare.ts";
import { zlib } from "../core/on-demand.ts";

export type RedactBody = (text: string, contentType: string) => string;

/** Decoded octets per kept octet: a bomb gives no more than this. */
const MAX_RATIO = 16;

export function bodyOf(sample: BodySample, redact: RedactBody): Body {
  const encoded = sample.bytes.subarray(0, sample.length);
  const limit = sample.bytes.length * MAX_RATIO;
  const decoded = decode(encoded, sample.contentEncoding, limit);
  const bytes = decoded?.bytes ?? encoded;
  const truncated = sample.cut || decoded?.cut === true || bytes.length > sample.bytes.length;
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
function decode(bytes: Uint8Array, encoding: string, limit: number): Decoded | null {
  const codings = encoding.split(",", MAX_CODINGS).map((coding) => coding.trim());
  let current: Decoded = { bytes, cut: false };
  for (const coding of codings.reverse()) {
    if (coding === "" || coding === "identity") continue;
    const decoded = undo(coding, current.bytes, limit);
    if (decoded === null) return null;
    current = { bytes: decoded.bytes, cut: current.cut || decoded.cut };
  }
  return current;
}

interface Decoded {
  readonly bytes: Uint8Array;
  /** More would have come out of what was kept. */
  readonly cut: boolean;
}

/** More are no use to anybody but an attacker. */
const MAX_CODINGS = 4;

/** Undoes one coding. Of what would grow beyond the limit a smaller and smaller beginning is tried. */
function undo(coding: string, bytes: Uint8Array, limit: number): Decoded | null {
  for (let length = bytes.length; length > 0; length >>= 1) {
    try {
      const part = length === bytes.length ? bytes : bytes.subarray(0, length);
      const decoded = decompress(coding, part, limit);
      return decoded === null ? null : { bytes: decoded, cut: length < bytes.length };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") return null;
    }
  }
  return null;
}

/** Null for a coding that is not known. Throws as zlib does. */
function decompress(coding: string, bytes: Uint8Array, maxOutputLength: number): Uint8Array | null {
  const { constants, gunzipSync, brotliDecompressSync, zstdDecompressSync } = zlib();
  const options = { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH };
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return gunzipSync(bytes, options);
    case "deflate":
      return inflateEither(bytes, options);
    case "br":
      return brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH });
    case "zstd":
      return zstdDecompressSync(bytes, { maxOutputLength, finishFlush: constants.ZSTD_e_flush });
    default:
      return null;
  }
}

/** `deflate` means zlib (RFC 9110 section 8.4.1.2); some servers send it without the zlib header. */
function inflateEither(bytes: Uint8Array, options: { maxOutputLength: number; finishFlush: number }): Uint8Array {
  try {
    return zlib().inflateSync(bytes, options);
  } catch {
    return zlib().inflateRawSync(bytes, options);
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
