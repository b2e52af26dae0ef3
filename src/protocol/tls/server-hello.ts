/**
 * Reads a ServerHello (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3). Takes the whole message without its header.
 * The drafts of TLS 1.3 before 22 left out the session id and the compression method.
 */
import { ALPN, PRE_SHARED_KEY, SUPPORTED_VERSIONS } from "./extensions.ts";
import { isTls13, SSL3, TLS13 } from "./names.ts";
import { OctetReader } from "./octet-reader.ts";
import { textOf } from "./text.ts";

export interface ServerHello {
  /** In the message itself, which TLS 1.3 froze at 0x0303. */
  readonly version: number;
  /** The version that was agreed on. */
  negotiated: number;
  /** It asks for another ClientHello. */
  readonly helloRetry: boolean;
  sessionId: Uint8Array;
  cipher: number;
  readonly extensions: number[];
  alpn: string | null;
  preSharedKey: boolean;
  whole: boolean;
}

/** The random of a HelloRetryRequest: SHA-256 of that name (RFC 8446 section 4.1.3). */
const RETRY = Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex");

export function readServerHello(bytes: Uint8Array, start: number, end: number): ServerHello {
  const reader = new OctetReader(bytes, start, end);
  const version = reader.number(2);
  const random = reader.take(32);
  const hello: ServerHello = {
    version,
    negotiated: version,
    helloRetry: RETRY.equals(random),
    sessionId: new Uint8Array(0),
    cipher: 0,
    extensions: [],
    alpn: null,
    preSharedKey: false,
    whole: false,
  };
  const earlyDraft = isTls13(version) && version !== TLS13;
  if (!earlyDraft) hello.sessionId = reader.take(reader.number(1)).slice();
  hello.cipher = reader.number(2);
  if (!earlyDraft) reader.skip(1);
  hello.whole = !reader.failed && hello.sessionId.length <= 32 && (version >= SSL3 || earlyDraft);
  if (hello.whole && reader.left > 0) readExtensions(hello, reader);
  return hello;
}

/** A HelloRetryRequest of a draft before 22 is a message of its own: version, cipher (from draft 19 on), extensions. */
function readExtensions(hello: ServerHello, reader: OctetReader): void {
  const all = reader.vector(2);
  while (all.left > 0) {
    const type = all.number(2);
    const content = all.vector(2);
    if (all.failed) break;
    hello.extensions.push(type);
    if (type === SUPPORTED_VERSIONS && content.left === 2) hello.negotiated = content.number(2);
    else if (type === PRE_SHARED_KEY) hello.preSharedKey = true;
    else if (type === ALPN) {
      const name = content.vector(2).vector(1);
      if (name.left > 0) hello.alpn = textOf(name.take(name.left));
    }
  }
  if (all.failed || reader.failed) hello.whole = false;
}
