import fc from "fast-check";
import { expect, test } from "vitest";
import { printable, printableJson } from "./printable.ts";

test("plain text, accents, CJK and emoji stay as they are", () => {
  for (const text of ["", "/shop/item?id=7", "naïve café", "東京", "👩‍💻".replace("\u200d", ""), "a\\b"]) {
    expect(printable(text)).toBe(text);
  }
});

test("terminal commands, line ends and overrides become visible", () => {
  expect(printable("\x1b[2J\x1b]0;owned\x07")).toBe("\\x1b[2J\\x1b]0;owned\\x07");
  expect(printable("a\r\nb\tc\x00\x7f")).toBe("a\\r\\nb\\tc\\x00\\x7f");
  expect(printable("\x9b31m")).toBe("\\x9b31m");
  expect(printable("\u202etxt.exe\u2066\u200b\ufeff")).toBe("\\u202etxt.exe\\u2066\\u200b\\ufeff");
  expect(printable("a\ud800b")).toBe("a\\ud800b");
  expect(printable("\u{e0041}")).toBe("\\u{e0041}");
});

test("whatever goes in, no control character comes out, and doing it twice changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
      expect(printable(shown)).toBe(shown);
      expect(shown.length).toBeLessThanOrEqual(text.length * 9);
    }),
  );
});

test("JSON stays the same value, and has no control character left", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const json = printableJson(JSON.stringify({ text }));
      expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});
