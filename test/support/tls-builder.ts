/**
 * Builds TLS for tests: records, hellos and their extensions, as bytes. Everything has defaults that a browser could
 * have sent; everything can be changed.
 */
import { bytesOf, concat, u16 } from "./packet-builder.ts";

export type Extension = readonly [type: number, content: Uint8Array];

export const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23, heartbeat: 24 } as const;

/** A vector: its length in `octets` octets, then the parts. */
export function vector(octets: number, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const content = concat(...parts);
  const length = Array.from({ length: octets }, (_, index) => (content.length >>> (8 * (octets - 1 - index))) & 255);
  return concat(Uint8Array.from(length), content);
}

/** One record; `version` is that of the record layer. */
export function record(type: number, content: Uint8Array, version = 0x0303): Uint8Array {
  return concat(Uint8Array.of(type), u16(version), vector(2, content));
}

/** The same content in records of at most `size` octets. */
export function records(type: number, content: Uint8Array, size: number, version = 0x0303): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += size) parts.push(record(type, content.subarray(at, at + size), version));
  return concat(...parts);
}

export function message(type: number, body: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(type), vector(3, body));
}

export const serverName = (name: string): Extension => [0, vector(2, Uint8Array.of(0), vector(2, name))];
export const groups = (...values: number[]): Extension => [10, vector(2, u16(...values))];
export const pointFormats = (...values: number[]): Extension => [11, vector(1, Uint8Array.from(values))];
export const signatureAlgorithms = (...values: number[]): Extension => [13, vector(2, u16(...values))];
export const alpn = (...names: (string | Uint8Array)[]): Extension => [
  16,
  vector(2, ...names.map((name) => vector(1, name))),
];
export const supportedVersions = (...values: number[]): Extension => [43, vector(1, u16(...values))];
/** As a server answers. */
export const selectedVersion = (value: number): Extension => [43, u16(value)];
export const extension = (type: number, content: string | Uint8Array = ""): Extension => [type, bytesOf(content)];

export interface ClientHelloOptions {
  readonly version?: number;
  readonly sessionId?: Uint8Array;
  readonly ciphers?: readonly number[];
  /** Null for a hello that ends behind the compression methods. */
  readonly extensions?: readonly Extension[] | null;
}

const RANDOM = Uint8Array.from({ length: 32 }, (_, index) => index + 10);

const extensionBlock = (extensions: readonly Extension[]) =>
  vector(2, ...extensions.map(([type, content]) => concat(u16(type), vector(2, content))));

/** A handshake message, without record. */
export function clientHello(options: ClientHelloOptions = {}): Uint8Array {
  const extensions = options.extensions === undefined ? DEFAULT_EXTENSIONS : options.extensions;
  return message(
    1,
    concat(
      u16(options.version ?? 0x0303),
      RANDOM,
      vector(1, options.sessionId ?? ""),
      vector(2, u16(...(options.ciphers ?? [0x1301, 0x1302, 0xc02f]))),
      vector(1, Uint8Array.of(0)),
      extensions === null ? "" : extensionBlock(extensions),
    ),
  );
}

export const DEFAULT_EXTENSIONS: readonly Extension[] = [
  serverName("example.org"),
  groups(29, 23),
  pointFormats(0),
  alpn("h2", "http/1.1"),
  signatureAlgorithms(0x0403, 0x0804),
  supportedVersions(0x0304, 0x0303),
];

export interface ServerHelloOptions {
  readonly version?: number;
  readonly random?: Uint8Array;
  readonly sessionId?: Uint8Array;
  readonly cipher?: number;
  readonly extensions?: readonly Extension[] | null;
}

export function serverHello(options: ServerHelloOptions = {}): Uint8Array {
  const { extensions = [] } = options;
  return message(
    2,
    concat(
      u16(options.version ?? 0x0303),
      options.random ?? RANDOM,
      vector(1, options.sessionId ?? ""),
      u16(options.cipher ?? 0xc02f),
      Uint8Array.of(0),
      extensions === null ? "" : extensionBlock(extensions),
    ),
  );
}

/** SHA-256 of "HelloRetryRequest": the random of a ServerHello that asks again. */
export const RETRY_RANDOM = Uint8Array.from(
  Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex"),
);

/** A Certificate message of TLS 1.2 with these certificates (DER). */
export function certificates(...ders: readonly Uint8Array[]): Uint8Array {
  return message(11, vector(3, ...ders.map((der) => vector(3, der))));
}

export const handshake = (...messages: readonly Uint8Array[]) => record(RECORD.handshake, concat(...messages));
export const changeCipherSpec = record(RECORD.changeCipherSpec, Uint8Array.of(1));
/** An encrypted Finished of TLS 1.2. */
export const finished = record(RECORD.handshake, new Uint8Array(40).fill(0xee));
export const applicationData = (length: number) => record(RECORD.applicationData, new Uint8Array(length).fill(0xdd));
export const alert = (level: number, description: number) => record(RECORD.alert, Uint8Array.of(level, description));

/** The ClientHello of SSL 2.0's form, with its length. Ciphers have three octets. */
export function ssl2ClientHello(version = 0x0301, ciphers: readonly number[] = [0x000005, 0x010080]): Uint8Array {
  const list = Uint8Array.from(ciphers.flatMap((cipher) => [cipher >>> 16, (cipher >>> 8) & 255, cipher & 255]));
  const body = concat(
    Uint8Array.of(1),
    u16(version, list.length, 0, 16),
    list,
    Uint8Array.from({ length: 16 }, (_, index) => index),
  );
  return concat(u16(0x8000 | body.length), body);
}
