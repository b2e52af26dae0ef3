import fc from "fast-check";
import { expect, test } from "vitest";
import { complete } from "./complete.ts";

/** `|` is the cursor. */
function at(text: string, named?: string[]) {
  const cursor = text.indexOf("|");
  return complete(text.replace("|", ""), cursor, named);
}

test.each([
  ["|", "field", ""],
  ["sta|", "field", "sta"],
  ["status |", "operator", ""],
  ["status |== 4", "operator", ""],
  ["status =|", "value", ""],
  ["status == |", "value", ""],
  ["status == 4|", "value", "4"],
  ["status == 404 |", "joiner", ""],
  ["status == 404 an|", "joiner", "an"],
  ["status == 404 and |", "field", ""],
  ["status in (200, |", "value", ""],
  ["status in (200, 404) |", "joiner", ""],
  ["not (met|", "field", "met"],
  ["exists me|", "field", "me"],
  ["method==GET,pa|", "field", "pa"],
  ['header["x-a"] |', "operator", ""],
  ["@slow |", "joiner", ""],
  ["path contains 'a b|", "value", "'a b"],
])("%s is a %s", (text, kind, typed) => {
  const found = at(text);
  expect(found.kind).toBe(kind);
  expect(text.replace("|", "").slice(found.from, found.to)).toBe(typed);
});

test("candidates fit", () => {
  expect(at("stat|").candidates).toContain("status");
  expect(at("@sl|", ["slow"]).candidates).toEqual(["@slow"]);
  expect(at("|", ["slow"]).kind).toBe("field");
  expect(at("status |").candidates).toContain("<=");
  expect(at("status |").candidates).not.toContain("contains");
  expect(at("path |").candidates).toContain("startsWith");
  expect(at("path |").candidates).not.toContain("<");
  expect(at("outcome == |").candidates).toContain("no-response");
  expect(at("type == t|").candidates).toEqual(["transaction", "tls"]);
  expect(at("host == |")).toMatchObject({ kind: "value", field: "host", candidates: [] });
  expect(at("midstream == |").candidates).toEqual(["true", "false"]);
});

test("any text with any cursor gets an answer inside the text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."status()=<>!~'\"[], @and&|"), maxLength: 30 }),
      fc.nat(30),
      (text, raw) => {
        const cursor = Math.min(raw, text.length);
        const found = complete(text, cursor);
        expect(found.to).toBe(cursor);
        expect(found.from).toBeGreaterThanOrEqual(0);
        expect(found.from).toBeLessThanOrEqual(cursor);
      },
    ),
    { numRuns: 1_000 },
  );
});
