/** What the kernel hides (core/head-kernel/redact.c) against the code here: the same octets, whatever comes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rememberName, useCareOf } from "../core/field-care.ts";
import { hasKernel, redactByKernel } from "../core/head-kernel.ts";
import {
  COOKIE_FIELD,
  FREE_FIELD,
  LINK_FIELD,
  PLAIN_FIELD,
  SEARCHED_FIELD,
  SECRET_FIELD,
  SENSITIVE_FIELD,
  SET_COOKIE_FIELD,
  URL_FIELD,
} from "../core/http.ts";
import { FIELD_NAMES_AT, memory, REDACTED_AT, SCRATCH_AT } from "../core/memory.ts";
import { HeadRedactor } from "./head.ts";
import type { RedactOptions } from "./schema.ts";

/** A field of each kind that the kernel knows. */
const FIELDS = [
  ["X-Api-Key", SECRET_FIELD],
  ["Cookie", COOKIE_FIELD],
  ["Set-Cookie", SET_COOKIE_FIELD],
  ["Referer", URL_FIELD],
  ["Link", LINK_FIELD],
  ["X-Anything", FREE_FIELD],
] as const;

const AT = SCRATCH_AT;
/** Octets around the value that must not matter. */
const AROUND = Buffer.from('"x;=<');

function place(octets: Uint8Array): number {
  memory.set(AROUND, AT - AROUND.length);
  memory.set(octets, AT);
  memory.set(Buffer.from("\r\nX: y=z&"), AT + octets.length);
  return AT + octets.length;
}

/** The code here, on octets of another array, so that nothing of it is the kernel's. */
function here(redactor: HeadRedactor, name: string, octets: Uint8Array): Buffer {
  const from = Buffer.concat([Buffer.from(name), octets, Buffer.from("\r\nX: y=z&")]);
  const into = Buffer.alloc(octets.length + redactor.maxGrowth(octets.length) + 64);
  const end = redactor.redactField(from, 0, name.length, name.length, name.length + octets.length, into, 0);
  return into.subarray(0, end);
}

/** Both on one value; the kernel is asked again when the code here has told it the names. */
function agree(redactor: HeadRedactor, name: string, care: number, octets: Uint8Array): boolean {
  const expected = here(redactor, name, octets);
  const end = place(octets);
  memory.fill(0xaa, REDACTED_AT, REDACTED_AT + 64);
  const written = redactByKernel(care, AT, end, REDACTED_AT);
  if (written < 0) return false;
  expect(Buffer.from(memory.subarray(REDACTED_AT, written)).toString("latin1")).toBe(expected.toString("latin1"));
  return true;
}

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const piece = fc.oneof(
  fc.constantFrom(..."?&;#=/:@%\"<>,'({[ \t\\+.-"),
  fc.constantFrom(
    ...["token", "password", "sid", "theme", "q", "code", "Path", "HttpOnly", "expires", " Secure", "a", "page"],
    ...["%3D", "%26", "%2F", "%22", "%40", "%3a", "%2", "%zz", "//", "http://u:p@h/", "eyJ", JWT, JWT.slice(0, 15)],
    ...["<redacted:12>", "<redacted:3:hash=0123abcd>", "<redacted:", "<redacted:99999999999>", '"password":', '":"'],
    ...["\\\\", '\\"', "{", "}", "x".repeat(20), "y".repeat(60), "n".repeat(300)],
  ),
  fc.string({ unit: "binary-ascii", maxLength: 6 }),
);
const value = fc.oneof(
  fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 80 }),
);
const OPTIONS: RedactOptions[] = [
  {},
  { allow: ["cookie:theme", "param:page"] },
  { deny: ["cookie:a", "param:q", "*any*"] },
  { deny: ["field:x-anything"] },
];

test.skipIf(!hasKernel)("values of every grammar come out the same (needs WebAssembly)", () => {
  let taken = 0;
  for (const options of OPTIONS) {
    const redactor = new HeadRedactor(options);
    useCareOf(redactor);
    const property = fc.property(fc.constantFrom(...FIELDS), value, ([name, care], text) => {
      if (options.deny?.includes("field:x-anything") && name === "X-Anything") return;
      if (options.deny?.includes("*any*") && name === "X-Anything") return;
      if (agree(redactor, name, care, Buffer.from(text, "latin1"))) taken++;
    });
    fc.assert(property, { seed: 20260131, numRuns: 4_000 });
  }
  // names of more than 48 octets, and names that took the place of one just told, are left to the code here
  expect(taken).toBeGreaterThan(12_000);
});

test.skipIf(!hasKernel)("any one octet changed, or the value cut anywhere (needs WebAssembly)", () => {
  const redactor = new HeadRedactor();
  useCareOf(redactor);
  const values: readonly [string, number, string][] = [
    ["Referer", URL_FIELD, `http://u:pw@h/a;sid=1/b?token=abc&x=%7B%22pin%22%3A1234%7D#${JWT.slice(0, 30)}`],
    ["Link", LINK_FIELD, '<https://h/?page=2&token=abc>; rel="next", <https://h/?token=d>'],
    ["X-Anything", FREE_FIELD, 'note password="a b" x http://k@h/ {"token": "x"} key=1,sid=2'],
    ["Cookie", COOKIE_FIELD, "lonely; a=; sid=0123456789abcdef;=x; <redacted:9>; theme=<redacted:4>"],
    ["Set-Cookie", SET_COOKIE_FIELD, 'sid="a; b"; Path=/; HttpOnly; Max-Age=3; odd=1; =z'],
  ];
  for (const [name, care, text] of values) {
    const whole = Buffer.from(text);
    for (let at = 0; at <= whole.length; at++) {
      agree(redactor, name, care, whole.subarray(0, at));
      for (const octet of [0, 9, 32, 34, 37, 38, 47, 58, 59, 60, 61, 62, 64, 74, 92, 127, 128, 255]) {
        const changed = Buffer.from(whole);
        if (at < whole.length) changed[at] = octet;
        agree(redactor, name, care, changed);
      }
    }
  }
});

test("the kernel is told what to do by itself, and with hashed marks nothing", () => {
  const careOf = (redactor: HeadRedactor, name: string) => redactor.fieldCare(Buffer.from(name), 0, name.length);
  const [plain, hashed, revealing] = [{}, { hash_key: "k" }, { reveal: true }].map(
    (options) => new HeadRedactor(options),
  );
  for (const [name, care] of FIELDS) {
    expect(careOf(plain, name)).toBe(care);
    expect(careOf(hashed, name)).toBe(care >= URL_FIELD ? SEARCHED_FIELD : SENSITIVE_FIELD);
    expect(careOf(revealing, name)).toBe(PLAIN_FIELD);
  }
  expect(careOf(plain, "Authorization")).toBe(SENSITIVE_FIELD);
  expect(careOf(plain, "Host")).toBe(PLAIN_FIELD);
});

test.skipIf(!hasKernel)("names of one redactor are forgotten when another takes its place (needs WebAssembly)", () => {
  const text = Buffer.from("/x?page=1&q=2");
  const strict = new HeadRedactor({ deny: ["param:q"] });
  const usual = new HeadRedactor();
  for (const [redactor, expected] of [
    [strict, "/x?page=1&q=<redacted:1>"],
    [usual, "/x?page=1&q=2"],
    [strict, "/x?page=1&q=<redacted:1>"],
  ] as const) {
    useCareOf(redactor);
    const end = place(text);
    expect(redactByKernel(URL_FIELD, AT, end, REDACTED_AT)).toBe(-1);
    for (let again = 0; again < 2; again++) {
      const written = redactor.redactTarget(memory, AT, end, memory, REDACTED_AT);
      expect(Buffer.from(memory.subarray(REDACTED_AT, written)).toString()).toBe(expected);
    }
    // told by the code here, the kernel now knows
    expect(redactByKernel(URL_FIELD, AT, end, REDACTED_AT)).toBeGreaterThan(0);
  }
  rememberName(FIELD_NAMES_AT, Buffer.from("x".repeat(100)), 0, 100, 1);
});
