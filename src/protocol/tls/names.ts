/** Names for TLS numbers: versions, alerts (IANA "TLS Alerts"), and which numbers are GREASE (RFC 8701). */

export const SSL2 = 0x0002;
export const SSL3 = 0x0300;
export const TLS12 = 0x0303;
export const TLS13 = 0x0304;

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [SSL2, "SSLv2"],
  [SSL3, "SSLv3"],
  [0x0301, "TLSv1.0"],
  [0x0302, "TLSv1.1"],
  [TLS12, "TLSv1.2"],
  [TLS13, "TLSv1.3"],
]);

/** `TLSv1.3` is only the one of RFC 8446; a draft says so (`TLSv1.3-draft23`), other numbers stand as they are. */
export function versionName(version: number): string {
  const name = VERSIONS.get(version);
  if (name !== undefined) return name;
  if (version >>> 8 === 0x7f) return `TLSv1.3-draft${version & 0xff}`;
  return `0x${version.toString(16).padStart(4, "0")}`;
}

/** Is everything behind the ServerHello encrypted? Drafts (0x7fNN) and browsers' experiments (0x7eNN, 0xfbNN) too. */
export function isTls13(version: number): boolean {
  const family = version >>> 8;
  return version === TLS13 || family === 0x7f || family === 0x7e || family === 0xfb;
}

/** A value that clients send to keep servers tolerant; it says nothing about the client. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >>> 8 === (value & 0xff);
}

/** RFC 8701 section 2: a protocol name (ALPN) that was never meant. */
export function isGreaseProtocol(name: Uint8Array): boolean {
  return name.length === 2 && isGrease(name[0] * 256 + name[1]);
}

const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, "close_notify"],
  [1, "end_of_early_data"],
  [10, "unexpected_message"],
  [20, "bad_record_mac"],
  [21, "decryption_failed"],
  [22, "record_overflow"],
  [30, "decompression_failure"],
  [40, "handshake_failure"],
  [41, "no_certificate"],
  [42, "bad_certificate"],
  [43, "unsupported_certificate"],
  [44, "certificate_revoked"],
  [45, "certificate_expired"],
  [46, "certificate_unknown"],
  [47, "illegal_parameter"],
  [48, "unknown_ca"],
  [49, "access_denied"],
  [50, "decode_error"],
  [51, "decrypt_error"],
  [52, "too_many_cids_requested"],
  [60, "export_restriction"],
  [70, "protocol_version"],
  [71, "insufficient_security"],
  [80, "internal_error"],
  [86, "inappropriate_fallback"],
  [90, "user_canceled"],
  [100, "no_renegotiation"],
  [109, "missing_extension"],
  [110, "unsupported_extension"],
  [111, "certificate_unobtainable"],
  [112, "unrecognized_name"],
  [113, "bad_certificate_status_response"],
  [114, "bad_certificate_hash_value"],
  [115, "unknown_psk_identity"],
  [116, "certificate_required"],
  [117, "general_error"],
  [120, "no_application_protocol"],
  [121, "ech_required"],
]);

/** Name as in RFC 8446 section 6; `alert-199` for a number that the registry does not have. */
export function alertName(description: number): string {
  return ALERTS.get(description) ?? `alert-${description}`;
}
