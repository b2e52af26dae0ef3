/**
 * Which names hide a value: names of fields, query parameters, cookies, keys of bodies and of command lines. A name is
 * compared without case and punctuation, so that `access_token`, `accessToken`, `Access-Token` and `user[access_token]`
 * are one. User patterns (allow, deny) come first, the lists below after them.
 */
import { FIELD_KINDS } from "./field-names.ts";
import { COOKIE, CREDENTIALS, PLAIN, SECRET, SET_COOKIE, UNKNOWN } from "./name-kinds.ts";
import type { RedactOptions } from "./schema.ts";

export type NameContext = "field" | "param" | "cookie" | "key";

/** A name with this anywhere in it, punctuation removed, holds a secret: `password_confirmation`, `secret_value`. */
const PARTS = ["password", "passwd", "passphrase", "secret", "apikey", "privatekey", "cardnumber", "creditcard"];

/** A name that ends so, punctuation removed, holds a secret wherever it stands. */
const ENDINGS = [
  // what a user types, also in other languages
  ...["passcode", "pincode", "pwd", "passwort", "kennwort", "motdepasse", "wachtwoord", "senha", "contrasena"],
  // what stands for a user who typed it: bearer, session, CSRF and refresh tokens, one-time codes
  ...["token", "jwt", "sessionid", "sessid", "sessionkey", "assertion", "authorization", "cookie", "bearer", "totp"],
  ...["samlresponse", "oauthverifier", "codeverifier", "devicecode", "authcode", "mfacode", "verificationcode"],
  // what a program authenticates with
  ...[
    "secret",
    "secrets",
    "credential",
    "credentials",
    "apikey",
    "accesskey",
    "accesskeyid",
    "secretkey",
    "privatekey",
  ],
  ...["subscriptionkey", "functionskey", "functionkey", "authkey", "masterkey", "signingkey", "sharedkey", "appkey"],
  ...["applicationkey", "encryptionkey", "customerkey", "licensekey", "accountkey", "storagekey", "clickhousekey"],
  ...["connectionstring", "sshkey"],
  // a signed URL is a key to what it names until it expires
  ...["signature"],
  // payment cards and national numbers
  ...["ccnumber", "securitycode", "socialsecuritynumber"],
];

/** Short words would end too many innocent names (compass, mapping), so they must be the last word of the name. */
const LAST_WORDS = ["pass", "pw", "psw", "pin", "otp", "cvv", "cvc", "ssn"];

/**
 * Only where a name is the name of a field or a parameter: in JSON and in text these words mean too many other things
 * (`"code": 404`, `"key": "value"`). `code`: OAuth (RFC 6749 section 4.1.2); `key`: API keys of Google and others;
 * `ticket`: CAS; `sig`, `hmac`: signed URLs; `dpop`: RFC 9449.
 */
const LAST_WORDS_OF_PARAMETERS = ["auth", "oauth", "sid", "session", "sig", "hmac", "ticket", "dpop"];
const WHOLE_PARAMETERS = ["code", "key"];

/** End like a secret and are none: places in a listing. */
const INNOCENT = ["pagetoken", "nextpagetoken", "nexttoken", "continuationtoken", "synctoken", "nextsynctoken"];

function byLastLetter(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(names, (name) => name[name.length - 1]);
}

const ENDINGS_BY_LETTER = byLastLetter(ENDINGS);
const INNOCENT_NAMES = new Set(INNOCENT);
const SHORT_WORDS = new Set(LAST_WORDS);
const PARAMETER_WORDS = new Set(LAST_WORDS_OF_PARAMETERS);
const PARAMETERS = new Set(WHOLE_PARAMETERS);

/** A longer name than this is no name: its value is hidden. */
export const NAME_MAX_BYTES = 256;

/** Keys of bodies whose verdict is kept: at most 256 characters each, some half a megabyte. */
const REMEMBERED_KEYS = 1_000;

const isAlphanumeric = (code: number) =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
const isUpper = (code: number) => code >= 0x41 && code <= 0x5a;

/** `user[newPass2]` → joined `usernewpass`, last word `pass`. */
function normalize(name: string): { joined: string; lastWord: string } {
  let end = name.length;
  while (end > 0 && !isLetter(name.charCodeAt(end - 1))) end--;
  let joined = "";
  let wordStart = 0;
  let newWord = true;
  for (let index = 0; index < end; index++) {
    const code = name.charCodeAt(index);
    if (!isAlphanumeric(code)) {
      newWord = true;
      continue;
    }
    if (isUpper(code) && index > 0 && !isUpper(name.charCodeAt(index - 1))) newWord = true;
    if (newWord) wordStart = joined.length;
    newWord = false;
    joined += name[index];
  }
  joined = joined.toLowerCase();
  return { joined, lastWord: joined.slice(wordStart) };
}

function isLetter(code: number): boolean {
  return isAlphanumeric(code) && code > 0x39;
}

/** True when the built-in lists hide the values of this name. */
function isSecretName(name: string, context: NameContext): boolean {
  const { joined, lastWord } = normalize(name);
  if (joined === "" || INNOCENT_NAMES.has(joined)) return false;
  if (SHORT_WORDS.has(lastWord) || PARTS.some((part) => joined.includes(part))) return true;
  if (context !== "key" && (PARAMETER_WORDS.has(lastWord) || PARAMETERS.has(joined))) return true;
  const endings = ENDINGS_BY_LETTER.get(joined[joined.length - 1]);
  return endings?.some((ending) => joined.endsWith(ending)) ?? false;
}

interface NamePattern {
  readonly context: NameContext | null;
  /** Pieces between the stars, lower-case. */
  readonly pieces: readonly string[];
  readonly weight: number;
  readonly hide: boolean;
}

function parsePattern(text: string, hide: boolean): NamePattern {
  const [, context, glob] = /^(?:(field|param|cookie):)?(.*)$/s.exec(text) as unknown as [
    string,
    NameContext?,
    string?,
  ];
  const pieces = (glob ?? "").toLowerCase().split("*");
  return { context: context ?? null, pieces, weight: pieces.join("").length, hide };
}

/** `*` stands for any characters. Each piece is searched once, so the time is that of the name's length. */
function matches(pattern: NamePattern, name: string): boolean {
  const { pieces } = pattern;
  const first = pieces[0];
  const last = pieces[pieces.length - 1];
  if (pieces.length === 1) return name === first;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** The lists and the user's patterns together. */
export class NameRules {
  /** Heaviest first; of equals, what hides first. */
  private readonly patterns: readonly NamePattern[];
  private readonly keys = new Map<string, boolean>();

  constructor(options: RedactOptions) {
    this.patterns = [
      ...(options.deny ?? []).map((text) => parsePattern(text, true)),
      ...(options.allow ?? []).map((text) => parsePattern(text, false)),
    ].sort((a, b) => b.weight - a.weight || Number(b.hide) - Number(a.hide));
  }

  /** What the user said of this name; null for nothing. */
  private userRule(name: string, context: NameContext): boolean | null {
    const lower = name.toLowerCase();
    // keys of bodies and command lines follow what is said of parameters
    const asked = context === "key" ? "param" : context;
    const found = this.patterns.find(
      (pattern) => (pattern.context === null || pattern.context === asked) && matches(pattern, lower),
    );
    return found?.hide ?? null;
  }

  isSecret(name: string, context: NameContext): boolean {
    if (name.length > NAME_MAX_BYTES) return true;
    if (context !== "key") return this.userRule(name, context) ?? isSecretName(name, context);
    // bodies repeat the same few keys; bytes of heads have a cache of their own
    let secret = this.keys.get(name);
    if (secret === undefined) {
      secret = this.userRule(name, context) ?? isSecretName(name, context);
      if (this.keys.size >= REMEMBERED_KEYS) this.keys.clear();
      this.keys.set(name, secret);
    }
    return secret;
  }

  /** Cookies are secrets unless allowed. */
  isSecretCookie(name: string): boolean {
    return this.userRule(name, "cookie") ?? true;
  }

  /** One of name-kinds.ts for a field name. */
  fieldKind(name: string): number {
    if (name.length > NAME_MAX_BYTES) return SECRET;
    const known = FIELD_KINDS.get(name.toLowerCase());
    const hide = this.userRule(name, "field");
    if (hide === false) return PLAIN;
    // a grammar keeps more of the shape than a mark over everything does
    if (hide === true) return known === CREDENTIALS || known === COOKIE || known === SET_COOKIE ? known : SECRET;
    if (known !== undefined) return known;
    return isSecretName(name, "field") ? SECRET : UNKNOWN;
  }
}
