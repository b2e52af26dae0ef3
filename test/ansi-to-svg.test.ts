import { expect, test } from "vitest";
// @ts-expect-error a script without types
import { ansiToSvg, plainText } from "../scripts/ansi-to-svg.mjs";

const LINES = [
  "\x1b[1;31mred\x1b[0m <a & b>",
  "\x1b[7m sel \x1b[27m茶 x",
  "\x1b[38;5;35mgreen\x1b[38;2;1;2;3mexact\x1b[39m",
];

test("every word stands where it stood in the terminal", () => {
  const svg: string = ansiToSvg(LINES, 20, "a & b");
  expect(svg).toContain(
    '<text x="12.0" y="25.3" textLength="25.2" lengthAdjust="spacingAndGlyphs" fill="#e05252" font-weight="bold">red</text>',
  );
  expect(svg).toContain(">&lt;a</text>");
  expect(svg).toContain("<title>a &amp; b</title>");
  // behind a wide character: 5 + 2 + 1 columns in
  expect(svg).toContain(`<text x="${(12 + 8 * 8.4).toFixed(1)}"`);
  expect(svg).toMatch(/<rect x="12.0" y="30" width="42.0"[^>]*fill="#d4dae2"/);
  expect(svg).toContain('fill="rgb(0,175,95)">green');
  expect(svg).toContain('fill="rgb(1,2,3)">exact');
  expect(svg).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

test("plain text has no looks and no spaces at its ends", () => {
  expect(plainText(LINES)).toBe("red <a & b>\n sel 茶 x\ngreenexact\n");
});
