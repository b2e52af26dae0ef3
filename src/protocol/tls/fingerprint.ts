/**
 * JA3, JA3S and JA4: short names for the way a client or server says hello. They take the numbers of the hello, GREASE
 * left out (RFC 8701), and give a hash. Neither is defined for the hello of SSL 2.0.
 */
import { crypto } from "../../core/on-demand.ts";
import type { ClientHello } from "./client-hello.ts";
import { ALPN, SERVER_NAME } from "./extensions.ts";
import { isGrease, isGreaseProtocol } from "./names.ts";
import type { ServerHello } from "./server-hello.ts";

const meaningful = (values: readonly number[]) => values.filter((value) => !isGrease(value));
const decimal = (values: readonly number[]) => meaningful(values).join("-");
const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));
const hex = (value: number) => HEX[value >>> 8] + HEX[value & 0xff];
const sortedHex = (values: number[]) =>
  values
    .sort((a, b) => a - b)
    .map(hex)
    .join(",");
const md5 = (text: string) => crypto().hash("md5", text, "hex");
/** First 12 hexadecimal digits; zeros for an empty list, as the definition wants. */
const shortSha256 = (text: string) =>
  text === "" ? "000000000000" : crypto().hash("sha256", text, "hex").slice(0, 12);

/** The text that is hashed: version, ciphers, extensions, groups, point formats. */
export function ja3Text(hello: ClientHello): string {
  const lists = [hello.ciphers, hello.extensions, hello.groups, hello.pointFormats].map(decimal);
  return `${hello.version},${lists.join(",")}`;
}

export function ja3(hello: ClientHello): string {
  return md5(ja3Text(hello));
}

/** Version, cipher and extensions of the server's answer. */
export function ja3s(hello: ServerHello): string {
  return md5(`${hello.version},${hello.cipher},${hello.extensions.join("-")}`);
}

const JA4_VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, "13"],
  [0x0303, "12"],
  [0x0302, "11"],
  [0x0301, "10"],
  [0x0300, "s3"],
  [0x0002, "s2"],
]);

/** JA4 of a hello over TCP: `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
export function ja4(hello: ClientHello): string {
  const ciphers = meaningful(hello.ciphers);
  const extensions = meaningful(hello.extensions);
  const offered = meaningful(hello.supportedVersions);
  const version = offered.length > 0 ? Math.max(...offered) : hello.version;
  const head = [
    "t",
    JA4_VERSIONS.get(version) ?? "00",
    hello.hasServerName ? "d" : "i",
    count(ciphers),
    count(extensions),
    ja4Protocol(hello.alpn),
  ].join("");
  return `${head}_${shortSha256(sortedHex(ciphers))}_${extensionHash(hello, extensions)}`;
}

function extensionHash(hello: ClientHello, extensions: readonly number[]): string {
  const kept = extensions.filter((type) => type !== SERVER_NAME && type !== ALPN);
  if (kept.length === 0) return shortSha256("");
  const list = sortedHex(kept);
  const algorithms = meaningful(hello.signatureAlgorithms).map(hex).join(",");
  return shortSha256(algorithms === "" ? list : `${list}_${algorithms}`);
}

const count = (values: readonly number[]) => String(Math.min(values.length, 99)).padStart(2, "0");

const isAlphanumeric = (octet: number) =>
  (octet >= 0x30 && octet <= 0x39) || (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x61 && octet <= 0x7a);

/** First and last character of the first protocol; of its hexadecimal form where either is no letter or digit. */
function ja4Protocol(alpn: readonly Uint8Array[]): string {
  const first = alpn.find((name) => !isGreaseProtocol(name));
  if (first === undefined || first.length === 0) return "00";
  const last = first[first.length - 1];
  if (isAlphanumeric(first[0]) && isAlphanumeric(last)) return String.fromCharCode(first[0], last);
  const digits = Buffer.from(first).toString("hex");
  return digits[0] + digits[digits.length - 1];
}
