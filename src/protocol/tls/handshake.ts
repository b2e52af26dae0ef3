/**
 * What a TLS handshake told so far, from the records and messages of both directions. Knows when it is over, and how it
 * ended: nothing behind that point is read. Takes its input from two RecordReaders; holds no octets of the wire.
 *
 * A key log (NSS format) would come in here: `clientRandom` of the first hello finds its secrets, and the directions
 * whose readers are stopped at `over` would go on into a record decryptor instead (docs/tls.md, "Decryption").
 */
import type { TlsCertificate } from "../../core/event.ts";
import type { HalfIndex } from "../../core/flow.ts";
import type { Micros } from "../../core/units.ts";
import { type CertificateMemory, readCertificates } from "./certificate.ts";
import { type ClientHello, readClientHello, readSsl2ClientHello } from "./client-hello.ts";
import { type ClientOffer, choiceOf, offerOf, type ServerChoice, sessionText, ssl2Choice } from "./hello-summary.ts";
import { alertName, isGrease, isTls13 } from "./names.ts";
import { readServerHello, type ServerHello } from "./server-hello.ts";

/** Handshake messages (RFC 8446 section 4, RFC 5246 section 7.4). */
export const MESSAGE = { clientHello: 1, serverHello: 2, helloRetry: 6, certificate: 11, serverHelloDone: 14 } as const;

/** An encrypted record of TLS 1.3 adds the type of what is in it, and a tag (RFC 8446 section 5.2). */
const TAG = 16;
const SHORT_TAG = 8;
/** TLS_AES_128_CCM_8_SHA256, the one suite with the short tag, and TLS_AES_256_GCM_SHA384, the one with a long hash. */
const CCM_8 = 0x1305;
const SHA384 = 0x1302;

/** Of most connections. */
const NO_CERTIFICATES: readonly TlsCertificate[] = [];
const NO_ANOMALIES: readonly string[] = [];

/** What one direction did. */
class Side {
  /** Its records are encrypted, up to TLS 1.2. */
  encrypted = false;
  /** Its Finished was seen, up to TLS 1.2. */
  finished = false;
  /** Octets are missing, or were no TLS: what it did not show may still have happened. */
  lost = false;
  certificateSent = false;
}

export class Handshake {
  client: HalfIndex | 2 = 2;
  offer: ClientOffer | null = null;
  choice: ServerChoice | null = null;
  certificates: readonly TlsCertificate[] = NO_CERTIFICATES;
  clientCertificate: TlsCertificate | null = null;
  helloRetry = false;
  resumed: boolean | null = null;
  /** The fatal alert; without one, the newest warning. */
  alert: string | null = null;
  failed = false;
  established = false;
  /** When the last Finished of the handshake was seen; 0.5 when it was not. */
  establishedAt: Micros = 0.5;
  /** It went on in SSL 2.0, which is not read. */
  blind = false;
  truncated = false;
  anomalies: readonly string[] = NO_ANOMALIES;
  readonly sides: readonly [Side, Side] = [new Side(), new Side()];
  private helloDone = false;
  private readonly memory: CertificateMemory;

  constructor(memory: CertificateMemory) {
    this.memory = memory;
  }

  /** Nothing more can be learnt. */
  get over(): boolean {
    return this.established || this.failed || this.blind;
  }

  /** Everything behind the ServerHello is encrypted. */
  get tls13(): boolean {
    return this.choice !== null && isTls13(this.choice.negotiated);
  }

  note(code: string): void {
    if (!this.anomalies.includes(code)) this.anomalies = [...this.anomalies, code];
  }

  /** A handshake message in clear; null for one longer than the limit. */
  message(from: HalfIndex, type: number, content: Uint8Array | null): void {
    if (content === null) {
      this.truncated = true;
      this.note("tls.handshake-message-too-long");
      if (type === MESSAGE.clientHello && this.client === 2) this.client = from;
    } else if (type === MESSAGE.clientHello) this.takeClientHello(from, content);
    else if (type === MESSAGE.serverHello) this.takeServerHello(from, content);
    else if (type === MESSAGE.helloRetry) this.askedAgain();
    else if (type === MESSAGE.certificate) this.takeCertificates(from, content);
    else if (type === MESSAGE.serverHelloDone) {
      this.helloDone = true;
      this.resumed = false;
    }
  }

  private takeClientHello(from: HalfIndex, content: Uint8Array): void {
    if (this.client === 2) this.client = from;
    if (this.offer !== null) {
      // the second hello after a HelloRetryRequest says the same with another key
      if (!this.helloRetry) this.note("tls.repeated-client-hello");
      return;
    }
    if (from === this.client) this.adoptHello(readClientHello(content, 0, content.length));
  }

  /** SSL 2.0's message: type 1 is a ClientHello, also to later versions; type 4 an answer of SSL 2.0 itself. */
  ssl2Message(from: HalfIndex, content: Uint8Array): void {
    if (content[0] === 1 && this.offer === null) {
      this.client = from;
      this.adoptHello(readSsl2ClientHello(content, 1, content.length));
    } else if (content[0] === 4 && from !== this.client && this.choice === null) {
      this.note("tls.ssl2");
      this.choice = ssl2Choice();
      this.blind = true;
    }
  }

  private adoptHello(hello: ClientHello): void {
    this.offer = offerOf(hello);
    for (const code of hello.anomalies) this.note(code);
  }

  private takeServerHello(from: HalfIndex, content: Uint8Array): void {
    if (this.client === 2) this.client = (1 - from) as HalfIndex;
    if (from === this.client) {
      this.note("tls.server-hello-from-client");
      return;
    }
    const hello = readServerHello(content, 0, content.length);
    if (!hello.whole) this.note("tls.malformed-server-hello");
    else if (hello.helloRetry) this.askedAgain();
    else if (this.choice === null) this.adoptServerHello(hello);
  }

  private adoptServerHello(hello: ServerHello): void {
    this.choice = choiceOf(hello);
    const { offer } = this;
    if (isTls13(hello.negotiated)) this.resumed = hello.preSharedKey;
    else if (offer !== null && hello.sessionId.length > 0 && offer.sessionId === sessionText(hello.sessionId))
      this.resumed = true;
    if (offer?.ciphers?.includes(String.fromCharCode(hello.cipher)) === false) this.note("tls.cipher-not-offered");
    if (offer !== null) offer.ciphers = null;
    if (isGrease(hello.cipher)) this.note("tls.grease-chosen");
  }

  private askedAgain(): void {
    if (this.choice !== null) return;
    this.helloRetry = true;
    // a ChangeCipherSpec for middleboxes may stand between the first hellos and the second ones (RFC 8446 appendix D.4)
    for (const side of this.sides) side.encrypted = false;
  }

  private takeCertificates(from: HalfIndex, content: Uint8Array): void {
    const side = this.sides[from];
    if (side.certificateSent || this.tls13 || this.client === 2) return;
    side.certificateSent = true;
    const chain = readCertificates(content, this.memory);
    if (chain.malformed) this.note("tls.malformed-certificates");
    if (chain.unreadable > 0) this.note("tls.certificate-unreadable");
    if (chain.truncated) this.truncated = true;
    if (from !== this.client) {
      this.certificates = chain.certificates;
      this.resumed = false;
    } else this.clientCertificate = chain.certificates[0] ?? null;
  }

  changeCipherSpec(from: HalfIndex): void {
    if (this.tls13) return;
    const side = this.sides[from];
    if (from !== this.client && this.choice !== null && !side.lost && !this.helloDone && !side.certificateSent) {
      // a full handshake has a certificate or at least a ServerHelloDone before this
      this.resumed = true;
    }
    side.encrypted = this.choice !== null || !this.helloRetry;
  }

  /** An encrypted handshake record, up to TLS 1.2: behind ChangeCipherSpec that is the Finished. */
  encryptedHandshake(from: HalfIndex, now: Micros): void {
    if (this.tls13) return;
    this.sides[from].finished = true;
    if (this.sides[0].finished && this.sides[1].finished) this.complete(now);
  }

  /** A record of application data with `length` octets of content. */
  applicationData(from: HalfIndex, length: number, now: Micros): void {
    if (this.client === 2) return;
    if (this.tls13) {
      if (from === this.client) this.encryptedByClient(length, now);
    } else if (from !== this.client) {
      // up to TLS 1.2 a server sends none before it has the client's Finished
      if (this.choice !== null) this.complete(0.5);
    } else this.dataOfClient(length);
  }

  /**
   * TLS 1.3: the client's first encrypted record is its Finished, or the certificate before it, or an alert that says
   * what it thinks of the server. Two octets of content are too few for anything but the alert.
   */
  private encryptedByClient(length: number, now: Micros): void {
    const cipher = this.choice!.suite;
    const tag = cipher === CCM_8 ? SHORT_TAG : TAG;
    const finished = 4 + (cipher === SHA384 ? 48 : 32) + 1 + tag;
    if (this.offer?.earlyData) {
      // early data may be under way yet: only a record of exactly its size can be the Finished
      if (length === finished) this.complete(now);
    } else if (length <= 2 + 1 + tag) this.failed = true;
    else if (length >= finished) this.complete(now);
  }

  /** Up to TLS 1.2, or of a version that nobody saw. It may be a False Start (RFC 7918), or early data (RFC 8446). */
  private dataOfClient(length: number): void {
    const server = this.sides[1 - (this.client as HalfIndex)];
    if (this.choice !== null) {
      if (server.lost) this.complete(0.5);
    } else if (this.offer?.earlyData !== true && !this.helloRetry && length > 4 + 32 + 1) this.complete(0.5);
  }

  /** An alert in clear (RFC 8446 section 6). */
  clearAlert(level: number, description: number): void {
    if (this.over) return;
    if (level !== 1 && level !== 2) {
      this.note("tls.malformed-alert");
      return;
    }
    this.alert = alertName(description);
    if (level === 2) this.failed = true;
  }

  /** A heartbeat (RFC 6520) in clear; `announced` is the length it claims for what is in it. */
  heartbeat(type: number, announced: number, length: number): void {
    this.note("tls.heartbeat-in-handshake");
    // three octets before the payload, sixteen of padding behind it
    if (type === 1 && announced + 3 + 16 > length) this.note("tls.heartbeat-overread");
  }

  private complete(at: Micros): void {
    if (this.over) return;
    this.established = true;
    this.establishedAt = at;
  }
}
