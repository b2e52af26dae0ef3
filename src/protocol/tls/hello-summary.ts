/**
 * What is kept of the hellos while their connection lasts: some hundred octets, however long the hellos were. A hostile
 * hello has room for thirty thousand ciphers; its fingerprints are made at once, and the lists are let go.
 */
import { cipherName } from "./cipher-suites.ts";
import type { ClientHello } from "./client-hello.ts";
import { ja3, ja3s, ja4 } from "./fingerprint.ts";
import { isGreaseProtocol, SSL2, versionName } from "./names.ts";
import type { ServerHello } from "./server-hello.ts";
import { textOf } from "./text.ts";

export interface ClientOffer {
  readonly serverName: string | null;
  readonly alpn: readonly string[];
  /** Null for a hello that could not be read to its end, and for one of SSL 2.0's form. */
  readonly ja3: string | null;
  readonly ja4: string | null;
  /** Octets as latin-1 text. */
  readonly sessionId: string;
  readonly earlyData: boolean;
  readonly encryptedHello: boolean;
  /** A character each. Let go once the server chose; null also where the list is not certain. */
  ciphers: string | null;
}

export interface ServerChoice {
  /** The version agreed on, as number and as name. */
  readonly negotiated: number;
  readonly version: string;
  /** -1 where it is not in clear (SSL 2.0: the client chooses later). */
  readonly suite: number;
  readonly cipher: string | null;
  readonly alpn: string | null;
  readonly ja3s: string | null;
}

/** The same program says the same in each of its connections: one copy of a text serves all. */
const texts = new Map<string, string>();
const MAX_TEXTS = 4_096;
const LONGEST_TEXT = 512;

function interned(text: string): string {
  const known = texts.get(text);
  if (known !== undefined || text.length > LONGEST_TEXT) return known ?? text;
  if (texts.size >= MAX_TEXTS) texts.clear();
  texts.set(text, text);
  return text;
}

const lists = new Map<string, readonly string[]>();

function internedList(list: readonly string[]): readonly string[] {
  const key = JSON.stringify(list);
  const known = lists.get(key);
  if (known !== undefined || key.length > LONGEST_TEXT) return known ?? list;
  if (lists.size >= MAX_TEXTS) lists.clear();
  lists.set(key, list);
  return list;
}

export function sessionText(sessionId: Uint8Array): string {
  return Buffer.from(sessionId.buffer, sessionId.byteOffset, sessionId.byteLength).toString("latin1");
}

export function offerOf(hello: ClientHello): ClientOffer {
  const certain = hello.whole && !hello.ssl2;
  return {
    serverName: hello.serverName === null ? null : interned(hello.serverName),
    alpn: internedList(hello.alpn.filter((name) => !isGreaseProtocol(name)).map(textOf)),
    ja3: certain ? interned(ja3(hello)) : null,
    ja4: certain ? interned(ja4(hello)) : null,
    sessionId: sessionText(hello.sessionId),
    earlyData: hello.earlyData,
    encryptedHello: hello.encryptedHello,
    ciphers: certain ? interned(hello.ciphers.map((cipher) => String.fromCharCode(cipher)).join("")) : null,
  };
}

export function choiceOf(hello: ServerHello): ServerChoice {
  return {
    negotiated: hello.negotiated,
    version: versionName(hello.negotiated),
    suite: hello.cipher,
    cipher: cipherName(hello.cipher),
    alpn: hello.alpn,
    ja3s: interned(ja3s(hello)),
  };
}

/** The answer of a server that speaks SSL 2.0 only. */
export function ssl2Choice(): ServerChoice {
  return { negotiated: SSL2, version: versionName(SSL2), suite: -1, cipher: null, alpn: null, ja3s: null };
}
