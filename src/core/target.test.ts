import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, fieldValue, pathSegment, percentDecode, queryParameter, section, withoutPort } from "./target.ts";

test.each([
  ["www.example.com", "/shop/item", "http://www.example.com/shop"],
  ["www.example.com", "/", "http://www.example.com"],
  ["www.example.com", "//shop//item", "http://www.example.com/shop"],
  ["www.example.com", "/a%2Fb/c", "http://www.example.com/a"],
  ["www.example.com", "/a%3Fx=1/c", "http://www.example.com/a"],
  ["www.example.com", "/%3Fx", "http://www.example.com"],
  ["WWW.Example.com:8080", "/caf%C3%A9", "http://www.example.com:8080/café"],
  ["h", null, "http://h"],
  ["h", "*", "http://h/*"],
  [null, "/x", null],
])("section of %s%s is %s", (host, path, expected) => {
  expect(section(host, path)).toBe(expected);
});

describe("query parameter", () => {
  test.each([
    ["s=yo", "yo"],
    ["a=1&s=yo&b=2", "yo"],
    ["s=a&s=b", "b"],
    ["s=a&s=", "a"],
    ["s=", null],
    ["s", null],
    ["", null],
    ["ss=1&xs=2", null],
    ["S=1", null],
    ["%73=a%20b+c", "a b c"],
    ["s=a=b", "a=b"],
    ["s=a;b=1", "a;b=1"],
    ["&&s=1&&", "1"],
    ["s=%", "%"],
  ])("%s", (query, expected) => {
    expect(queryParameter(query, "s")).toBe(expected);
  });

  test("agrees with URLSearchParams, blank values left out", () => {
    const part = fc.string({ unit: fc.constantFrom("s", "a", "=", "&", "+", "%20", "%"), maxLength: 12 });
    fc.assert(
      fc.property(part, (query) => {
        const values = query
          .split("&")
          .filter((pair) => pair.includes("=") && pair.indexOf("=") < pair.length - 1)
          .flatMap((pair) => new URLSearchParams(pair).getAll("s"));
        expect(queryParameter(query, "s")).toBe(values.at(-1) ?? null);
      }),
    );
  });
});

test("a host without its port", () => {
  expect(["h", "h:80", "[::1]", "[::1]:80", ":80", ""].map(withoutPort)).toEqual(["h", "h", "[::1]", "[::1]", "", ""]);
});

test("path segments count from 1 and skip empty ones", () => {
  expect(pathSegment("/a//b/", 1)).toBe("a");
  expect(pathSegment("/a//b/", 2)).toBe("b");
  expect(pathSegment("/a//b/", 3)).toBeNull();
  expect(pathSegment("", 1)).toBeNull();
});

test("decoding never throws and leaves what is not an escape", () => {
  expect(percentDecode("%ff%zz%4")).toBe("\ufffd%zz%4");
  expect(percentDecode("%E2%82%AC")).toBe("€");
});

test("cutting keeps whole characters and says so", () => {
  expect(cut("abc", 3)).toBe("abc");
  expect(cut("abcd", 3)).toBe("abc…");
  expect(cut("ab😀d", 3)).toBe("ab…");
});

test("a field's lines are joined in order, any case", () => {
  const fields = [
    ["Via", "a"],
    ["X", "1"],
    ["VIA", "b"],
  ] as const;
  expect(fieldValue(fields, "via")).toBe("a, b");
  expect(fieldValue(fields, "y")).toBeNull();
});
