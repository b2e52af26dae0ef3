import fc from "fast-check";
import { expect, test } from "vitest";
import { type Key, KeyParser } from "./keys.ts";

function keysOf(text: string): Key[] {
  const parser = new KeyParser();
  return [...parser.push(Buffer.from(text)), ...parser.flush()];
}

function name(key: Key): string {
  return key.type === "key" ? key.name : key.type === "text" ? key.text : key.type;
}

test("keys of the terminals people use", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["\x1b[A", "up"],
    ["\x1bOA", "up"],
    ["\x1b[1;5A", "up"],
    ["\x1b[H", "home"],
    ["\x1b[1~", "home"],
    ["\x1b[4~", "end"],
    ["\x1b[5~", "page-up"],
    ["\x1b[6~", "page-down"],
    ["\x1b[3~", "delete"],
    ["\x1b[Z", "shift-tab"],
    ["\x1bOP", "f1"],
    ["\x1b", "escape"],
    ["\r", "enter"],
    ["\t", "tab"],
    ["\x7f", "backspace"],
    ["\x03", "ctrl-c"],
    ["q", "q"],
    ["é", "é"],
    ["茶", "茶"],
    ["😀", "😀"],
  ];
  for (const [bytes, wanted] of cases) expect(keysOf(bytes).map(name), JSON.stringify(bytes)).toEqual([wanted]);
});

test("mouse reports", () => {
  expect(keysOf("\x1b[<0;10;5M\x1b[<0;10;5m")).toEqual([{ type: "click", x: 9, y: 4 }]);
  expect(keysOf("\x1b[<65;1;1M")).toEqual([{ type: "wheel", x: 0, y: 0, by: 1 }]);
  expect(keysOf("\x1b[<64;1;1M")).toEqual([{ type: "wheel", x: 0, y: 0, by: -1 }]);
  expect(keysOf("\x1b[<0;x;M")).not.toContainEqual(expect.objectContaining({ type: "click" }));
});

test("an escape waits for what may follow, then is itself", () => {
  const parser = new KeyParser();
  expect(parser.push(Buffer.from("\x1b"))).toEqual([]);
  expect(parser.waiting).toBe(true);
  expect(parser.push(Buffer.from("[A")).map(name)).toEqual(["up"]);
  expect(parser.push(Buffer.from("\x1b"))).toEqual([]);
  expect(parser.flush().map(name)).toEqual(["escape"]);
});

test("unknown sequences and Alt keys type nothing", () => {
  for (const bytes of ["\x1b[99~", "\x1b[?62;c", "\x1b[12;40R", "\x1bx", "\x1b[200~", "\x1b[I"]) {
    expect(
      keysOf(bytes).filter((key) => key.type === "text"),
      JSON.stringify(bytes),
    ).toEqual([]);
  }
});

test("cut anywhere, the same keys come out", () => {
  const typed = "ab\x1b[A\x1b[<0;3;4Mé茶😀\x1b[5~\x1bOBq";
  const whole = keysOf(typed);
  const bytes = Buffer.from(typed);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }), (lengths) => {
      const parser = new KeyParser();
      const keys: Key[] = [];
      let at = 0;
      for (const length of [...lengths, bytes.length]) {
        keys.push(...parser.push(bytes.subarray(at, at + length)));
        at += length;
      }
      expect([...keys, ...parser.flush()]).toEqual(whole);
    }),
  );
});

test("no bytes make it throw or hold more than a sequence", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const parser = new KeyParser();
      parser.push(bytes);
      parser.flush();
      expect(parser.waiting).toBe(false);
    }),
  );
});
