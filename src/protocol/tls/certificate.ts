/**
 * Sums up the certificates of a Certificate message (RFC 5246 section 7.4.2). Node's X.509 reader does the work; what it
 * cannot read is counted and left out. Servers send the same certificates again and again, so summaries are remembered.
 */
import type { TlsCertificate } from "../../core/event.ts";
import { crypto } from "../../core/on-demand.ts";
import { OctetReader } from "./octet-reader.ts";

/** Certificates summed up for one connection: chains have two to four. */
const MAX_CERTIFICATES = 10;
/** Names kept of one certificate. */
const MAX_NAMES = 100;
const REMEMBERED = 512;
/** Longer ones are summed up each time: what is remembered stays below some 10 MB, whoever sends it. */
const LONGEST_REMEMBERED = 16_384;

export interface CertificateChain {
  readonly certificates: readonly TlsCertificate[];
  /** There were more than are summed up. */
  readonly truncated: boolean;
  /** Certificates that could not be read. */
  readonly unreadable: number;
  /** The message's own lengths do not fit. */
  readonly malformed: boolean;
}

/** `content` is the message without its header: a list of certificates in DER. */
export function readCertificates(content: Uint8Array, memory: CertificateMemory): CertificateChain {
  const message = new OctetReader(content, 0, content.length);
  const list = message.vector(3);
  const certificates: TlsCertificate[] = [];
  let unreadable = 0;
  let count = 0;
  while (list.left > 0 && count < MAX_CERTIFICATES) {
    const der = list.vector(3);
    if (list.failed) break;
    count++;
    const summary = memory.summary(der.take(der.left));
    if (summary === null) unreadable++;
    else certificates.push(summary);
  }
  return { certificates, truncated: list.left > 0, unreadable, malformed: message.failed || list.failed };
}

/** Summaries by SHA-256 of the DER; the oldest makes room. */
export class CertificateMemory {
  private readonly known = new Map<string, TlsCertificate | null>();

  get size(): number {
    return this.known.size;
  }

  summary(der: Uint8Array): TlsCertificate | null {
    const sha256 = crypto().hash("sha256", der, "hex");
    let summary = this.known.get(sha256);
    if (summary !== undefined) return summary;
    summary = summarize(der, sha256);
    if (der.length > LONGEST_REMEMBERED) return summary;
    if (this.known.size >= REMEMBERED) this.known.delete(this.known.keys().next().value!);
    this.known.set(sha256, summary);
    return summary;
  }
}

function summarize(der: Uint8Array, sha256: string): TlsCertificate | null {
  try {
    const { X509Certificate } = crypto();
    const certificate = new X509Certificate(der);
    return {
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      not_before: timeOf(certificate.validFrom),
      not_after: timeOf(certificate.validTo),
      serial: certificate.serialNumber,
      names: namesOf(certificate.subjectAltName),
      sha256,
    };
  } catch {
    return null;
  }
}

/** Node gives a line for each part, with line ends and commas inside a part escaped (RFC 4514). */
function oneLine(name: string | undefined): string {
  return (name ?? "").split("\n").join(", ");
}

/** RFC 3339; the certificate's own words where no calendar has its time. */
function timeOf(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString().replace(".000Z", "Z");
}

/**
 * Node gives `DNS:a.example, IP Address:192.0.2.1, URI:…`; a value with a comma or quote in it is a JSON string. Names
 * and addresses stand as they are, other kinds keep what they are called.
 */
export function namesOf(text: string | undefined): string[] {
  const names: string[] = [];
  // sticky: a hostile text is gone through once, and what does not fit ends it
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;
  while (text !== undefined && names.length < MAX_NAMES && entry.lastIndex < text.length) {
    const match = entry.exec(text);
    if (match === null) break;
    const [, kind, value] = match;
    const name = value.startsWith('"') ? unquote(value) : value;
    names.push(kind === "DNS" || kind === "IP Address" ? name : `${kind}:${name}`);
  }
  return names;
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
