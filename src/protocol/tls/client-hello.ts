/**
 * Reads a ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) and the ClientHello that SSL 2.0 clients sent
 * to servers of later versions (RFC 5246 appendix E.2). Takes the whole message without its header, gives plain data.
 * What is malformed is named, and what stands before it is still given.
 */
import {
  ALPN,
  EARLY_DATA,
  EC_POINT_FORMATS,
  ENCRYPTED_CLIENT_HELLO,
  ENCRYPTED_SERVER_NAME,
  PRE_SHARED_KEY,
  SERVER_NAME,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
  SUPPORTED_VERSIONS,
} from "./extensions.ts";
import { OctetReader } from "./octet-reader.ts";
import { textOf } from "./text.ts";

/** Longest DNS name (RFC 1035 section 2.3.4). */
const LONGEST_NAME = 255;
/** Protocols kept of the ALPN offer; browsers offer two. */
const MAX_ALPN = 32;

export interface ClientHello {
  /** Of SSL 2.0's form: it has no extensions, and JA3 and JA4 are not defined for it. */
  readonly ssl2: boolean;
  /** The version in the message itself, which TLS 1.3 froze at 0x0303. */
  readonly version: number;
  readonly sessionId: Uint8Array;
  /** In the order sent, GREASE included; so are all lists here. */
  ciphers: number[];
  readonly extensions: number[];
  groups: number[];
  pointFormats: number[];
  signatureAlgorithms: number[];
  supportedVersions: number[];
  /** Protocol names as sent. */
  readonly alpn: Uint8Array[];
  hasServerName: boolean;
  serverName: string | null;
  encryptedHello: boolean;
  earlyData: boolean;
  preSharedKey: boolean;
  /** It could be read to its end: only then are the fingerprints right. */
  whole: boolean;
  readonly anomalies: string[];
}

function empty(ssl2: boolean, version: number, sessionId: Uint8Array): ClientHello {
  return {
    ssl2,
    version,
    sessionId: sessionId.slice(),
    ciphers: [],
    extensions: [],
    groups: [],
    pointFormats: [],
    signatureAlgorithms: [],
    supportedVersions: [],
    alpn: [],
    hasServerName: false,
    serverName: null,
    encryptedHello: false,
    earlyData: false,
    preSharedKey: false,
    whole: false,
    anomalies: [],
  };
}

/** `bytes[start, end)` is the body of the handshake message. */
export function readClientHello(bytes: Uint8Array, start: number, end: number): ClientHello {
  const reader = new OctetReader(bytes, start, end);
  const version = reader.number(2);
  reader.skip(32);
  const sessionId = reader.take(reader.number(1));
  const hello = empty(false, version, sessionId);
  if (sessionId.length > 32) hello.anomalies.push("tls.malformed-client-hello");
  const ciphers = reader.vector(2);
  hello.ciphers = ciphers.pairs();
  reader.vector(1);
  hello.whole = !reader.failed && !ciphers.failed && hello.ciphers.length > 0 && sessionId.length <= 32;
  // before TLS 1.2 a hello may end here
  if (reader.left > 0 && hello.whole) readExtensions(hello, reader);
  if (!hello.whole && hello.anomalies.length === 0) hello.anomalies.push("tls.malformed-client-hello");
  return hello;
}

/** `bytes[start, end)` is the message from its version on. */
export function readSsl2ClientHello(bytes: Uint8Array, start: number, end: number): ClientHello {
  const reader = new OctetReader(bytes, start, end);
  const version = reader.number(2);
  const cipherLength = reader.number(2);
  const sessionLength = reader.number(2);
  reader.number(2);
  const ciphers = reader.take(cipherLength);
  const hello = empty(true, version, reader.take(sessionLength));
  for (let at = 0; at + 3 <= ciphers.length; at += 3) {
    // a first octet other than 0 is a cipher of SSL 2.0 itself
    if (ciphers[at] === 0) hello.ciphers.push(ciphers[at + 1] * 256 + ciphers[at + 2]);
  }
  hello.whole = !reader.failed;
  if (!hello.whole) hello.anomalies.push("tls.malformed-client-hello");
  return hello;
}

function readExtensions(hello: ClientHello, reader: OctetReader): void {
  // a block that claims more than there is still names the server
  const length = reader.number(2);
  const all = new OctetReader(reader.bytes, reader.at, Math.min(reader.end, reader.at + length));
  reader.skip(length);
  const seen = new Set<number>();
  while (all.left > 0) {
    const type = all.number(2);
    const content = all.vector(2);
    if (all.failed) break;
    if (seen.has(type)) note(hello, "tls.duplicate-extension");
    hello.extensions.push(type);
    if (!seen.has(type)) readExtension(hello, type, content);
    seen.add(type);
  }
  if (reader.failed || reader.left > 0 || all.failed) hello.whole = false;
}

function readExtension(hello: ClientHello, type: number, content: OctetReader): void {
  let inner = content;
  switch (type) {
    case SERVER_NAME:
      hello.hasServerName = true;
      // a server sends it empty; a client that does names nothing
      inner = content.vector(2);
      readServerName(hello, inner);
      break;
    case SUPPORTED_GROUPS:
      inner = content.vector(2);
      hello.groups = inner.pairs();
      break;
    case EC_POINT_FORMATS:
      inner = content.vector(1);
      hello.pointFormats = [...inner.take(inner.left)];
      break;
    case SIGNATURE_ALGORITHMS:
      inner = content.vector(2);
      hello.signatureAlgorithms = inner.pairs();
      break;
    case SUPPORTED_VERSIONS:
      inner = content.vector(1);
      hello.supportedVersions = inner.pairs();
      break;
    case ALPN:
      inner = content.vector(2);
      readProtocols(hello, inner);
      break;
    case ENCRYPTED_CLIENT_HELLO:
    case ENCRYPTED_SERVER_NAME:
      hello.encryptedHello = true;
      break;
    case EARLY_DATA:
      hello.earlyData = true;
      break;
    case PRE_SHARED_KEY:
      hello.preSharedKey = true;
      break;
  }
  if (content.failed || inner.failed) note(hello, "tls.malformed-extension");
}

/** RFC 6066 section 3: a list of names by type; the only type there is, 0, is a host name. */
function readServerName(hello: ClientHello, list: OctetReader): void {
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.vector(2);
    if (list.failed || type !== 0 || hello.serverName !== null) continue;
    const length = Math.min(name.left, LONGEST_NAME);
    if (name.left > LONGEST_NAME) note(hello, "tls.server-name-too-long");
    if (length > 0) hello.serverName = textOf(name.take(length));
  }
  if (hello.serverName === null) note(hello, "tls.empty-server-name");
}

function readProtocols(hello: ClientHello, list: OctetReader): void {
  while (list.left > 0) {
    const name = list.vector(1);
    if (list.failed) return;
    if (hello.alpn.length >= MAX_ALPN) {
      note(hello, "tls.too-many-protocols");
      return;
    }
    hello.alpn.push(name.take(name.left).slice());
  }
}

function note(hello: ClientHello, code: string): void {
  if (!hello.anomalies.includes(code)) hello.anomalies.push(code);
}
