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
  readonly sessionId: Uint8Array;
  readonly earlyData: boolean;
  readonly encryptedHello: boolean;
  /** Let go once the server chose; null also where the list is not certain. */
  ciphers: Uint16Array | null;
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

export function offerOf(hello: ClientHello): ClientOffer {
  const certain = hello.whole && !hello.ssl2;
  return {
    serverName: hello.serverName,
    alpn: hello.alpn.filter((name) => !isGreaseProtocol(name)).map(textOf),
    ja3: certain ? ja3(hello) : null,
    ja4: certain ? ja4(hello) : null,
    sessionId: hello.sessionId,
    earlyData: hello.earlyData,
    encryptedHello: hello.encryptedHello,
    ciphers: certain ? Uint16Array.from(hello.ciphers) : null,
  };
}

export function choiceOf(hello: ServerHello): ServerChoice {
  return {
    negotiated: hello.negotiated,
    version: versionName(hello.negotiated),
    suite: hello.cipher,
    cipher: cipherName(hello.cipher),
    alpn: hello.alpn,
    ja3s: ja3s(hello),
  };
}

/** The answer of a server that speaks SSL 2.0 only. */
export function ssl2Choice(): ServerChoice {
  return { negotiated: SSL2, version: versionName(SSL2), suite: -1, cipher: null, alpn: null, ja3s: null };
}
