/**
 * Removes secrets from an HTTP head while its bytes are copied into the form that is kept (RFC 9110, RFC 9112): the one
 * place before everything else, so that no later stage ever holds a secret. Works on bytes and allocates nothing for a
 * head without secrets; marks are made by mark.ts.
 */
import {
  COOKIE_FIELD,
  type FieldCare,
  FREE_FIELD,
  type HeadRedactor as HeadRedactorRole,
  LINK_FIELD,
  PLAIN_FIELD,
  SEARCHED_FIELD,
  SECRET_FIELD,
  SENSITIVE_FIELD,
  SET_COOKIE_FIELD,
  URL_FIELD,
} from "../core/http.ts";
import { PARAMETER_NAMES_AT } from "../core/memory.ts";
import { CredentialRedactor } from "./credentials.ts";
import { copyBytes, Marker, SHORTEST_MARK_BYTES } from "./mark.ts";
import { NameCache } from "./name-cache.ts";
import {
  COOKIE,
  CREDENTIALS,
  LINK,
  PLAIN,
  PROTOCOL_LIST,
  SECRET,
  SET_COOKIE,
  UNKNOWN,
  URL_VALUE,
} from "./name-kinds.ts";
import { NameRules } from "./names.ts";
import type { RedactOptions } from "./schema.ts";
import { FREE, LINKS, TARGET, TELLING_OCTETS, UrlRedactor } from "./url.ts";

/** The name of a parameter as its reader will see it: percent-decoded, `+` as a space, outer spaces off. */
function decodeParameterName(name: string): string {
  const spaced = name.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced.trim();
  return spaced.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).trim();
}

/** By kind: what the kernel may do with the value of a field; and what when marks have hashes, which it cannot make. */
const CARE: Record<number, FieldCare> = {
  [PLAIN]: PLAIN_FIELD,
  [SECRET]: SECRET_FIELD,
  [CREDENTIALS]: SENSITIVE_FIELD,
  [COOKIE]: COOKIE_FIELD,
  [SET_COOKIE]: SET_COOKIE_FIELD,
  [URL_VALUE]: URL_FIELD,
  [LINK]: LINK_FIELD,
  [PROTOCOL_LIST]: SENSITIVE_FIELD,
  [UNKNOWN]: FREE_FIELD,
};
const HASHED_CARE: Record<number, FieldCare> = {
  ...CARE,
  [SECRET]: SENSITIVE_FIELD,
  [COOKIE]: SENSITIVE_FIELD,
  [SET_COOKIE]: SENSITIVE_FIELD,
  [URL_VALUE]: SEARCHED_FIELD,
  [LINK]: SEARCHED_FIELD,
  [UNKNOWN]: SEARCHED_FIELD,
};

export class HeadRedactor implements HeadRedactorRole {
  /** True when nothing is redacted: every output must say so. */
  readonly reveal: boolean;
  private readonly marker: Marker;
  private readonly fields: NameCache;
  private readonly parameters: NameCache;
  private readonly url: UrlRedactor;
  private readonly credentials: CredentialRedactor;

  constructor(options: RedactOptions = {}) {
    const rules = new NameRules(options);
    this.reveal = options.reveal ?? false;
    this.marker = new Marker(options.hash_key ?? null);
    this.fields = new NameCache((name) => rules.fieldKind(name));
    this.parameters = new NameCache((name) => (rules.isSecret(decodeParameterName(name), "param") ? SECRET : PLAIN));
    const cookies = new NameCache((name) => (rules.isSecretCookie(name.trim()) ? SECRET : PLAIN));
    this.url = new UrlRedactor(this.parameters, this.marker);
    this.credentials = new CredentialRedactor(cookies, this.marker);
  }

  /**
   * Octets by which a target, a value or a whole head of `length` octets may grow. The worst is a list of cookies of one
   * octet without names: each two octets become a mark and a semicolon.
   */
  maxGrowth(length: number): number {
    return this.reveal ? 0 : Math.ceil(length / 2) * SHORTEST_MARK_BYTES + 64;
  }

  /** Copies the request target `from[start, end)`, redacted. Returns the new end in `into`. */
  redactTarget(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    return this.reveal ? copyBytes(from, start, end, into, at) : this.url.write(from, start, end, into, at, TARGET);
  }

  /** Values that are read as URLs are hidden in only where one of these is. */
  readonly tellingOctets = TELLING_OCTETS;

  fieldCare(from: Uint8Array, nameStart: number, nameEnd: number): FieldCare {
    if (this.reveal) return PLAIN_FIELD;
    const kind = this.fields.kindOf(from, nameStart, nameEnd);
    return this.marker.hashes ? HASHED_CARE[kind] : CARE[kind];
  }

  shareNames(share: boolean): void {
    this.parameters.shareIn(share ? PARAMETER_NAMES_AT : -1);
    this.credentials.shareNames(share);
  }

  /** False when the value of this field is to be copied as it is; only then may `redactField` be left out. */
  isSensitiveField(from: Uint8Array, nameStart: number, nameEnd: number): boolean {
    return !this.reveal && this.fields.kindOf(from, nameStart, nameEnd) !== PLAIN;
  }

  /** Copies the value of the field whose name is `from[nameStart, nameEnd)`, redacted. Returns the new end in `into`. */
  redactField(
    from: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    into: Uint8Array,
    at: number,
  ): number {
    if (this.reveal) return copyBytes(from, valueStart, valueEnd, into, at);
    switch (this.fields.kindOf(from, nameStart, nameEnd)) {
      case SECRET:
        return this.marker.write(from, valueStart, valueEnd, into, at);
      case CREDENTIALS:
        return this.credentials.authorization(from, valueStart, valueEnd, into, at);
      case COOKIE:
        return this.credentials.cookie(from, valueStart, valueEnd, into, at);
      case SET_COOKIE:
        return this.credentials.setCookie(from, valueStart, valueEnd, into, at);
      case URL_VALUE:
        return this.url.write(from, valueStart, valueEnd, into, at, TARGET);
      case LINK:
        return this.url.write(from, valueStart, valueEnd, into, at, LINKS);
      case PROTOCOL_LIST:
        return this.credentials.protocolList(from, valueStart, valueEnd, into, at);
      case UNKNOWN:
        return this.url.write(from, valueStart, valueEnd, into, at, FREE);
      default:
        return copyBytes(from, valueStart, valueEnd, into, at);
    }
  }

  /** The same for a target given as text. */
  targetText(text: string): string {
    if (this.reveal || text === "") return text;
    const from = Buffer.from(text);
    const into = Buffer.allocUnsafe(from.length + this.maxGrowth(from.length));
    return into.toString("utf8", 0, this.redactTarget(from, 0, from.length, into, 0));
  }

  /** The same for a field given as text. */
  fieldText(name: string, value: string): string {
    if (this.reveal || value === "") return value;
    const from = Buffer.from(name + value);
    const nameEnd = Buffer.byteLength(name);
    if (!this.isSensitiveField(from, 0, nameEnd)) return value;
    const into = Buffer.allocUnsafe(from.length + this.maxGrowth(from.length));
    return into.toString("utf8", 0, this.redactField(from, 0, nameEnd, nameEnd, from.length, into, 0));
  }
}
