/** What two readers read in two ways, case by case: our rows, the codes that tell, and the page that lists them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { row, talk } from "../../../test/support/dialogue.ts";
import { HOSTILE, type HostileCase } from "../../../test/support/hostile-cases.ts";

const DOC = join(import.meta.dirname, "../../../docs/two-readers.md");

function seen({ client, server }: HostileCase, maximumSegment_bytes: number) {
  const { events, ledger, errors } = talk({ maximumSegment_bytes }).client(client).server(server).close().run();
  return {
    errors,
    rows: events.map(row),
    codes: [...ledger.anomalies.keys()].map((code) => code.replace("http1.", "")).sort(),
  };
}

for (const [part, cases] of Object.entries(HOSTILE)) {
  describe(part, () => {
    test.each(cases.map((one) => [one.what, one] as const))("%s", (_, one) => {
      const expected = { errors: [], rows: one.rows, codes: one.codes };
      for (const size of [1_400, 1, 7]) expect(seen(one, size), `segments of ${size}`).toEqual(expected);
    });
  });
}

test("docs/two-readers.md has the table (EARSHOT_UPDATE_DOCS=1 writes it)", () => {
  const [begin, end] = ["<!-- cases: made from test/support/hostile-cases.ts -->\n", "<!-- end -->"];
  const text = readFileSync(DOC, "utf8");
  const wanted = `${text.split(begin)[0]}${begin}\n${table()}\n${end}${text.split(end)[1]}`;
  if (process.env["EARSHOT_UPDATE_DOCS"]) writeFileSync(DOC, wanted);
  else expect(text).toBe(wanted);
});

function table(): string {
  const head = "| | strict | lenient | earshot | codes (`http1.`…) |\n|---|---|---|---|---|";
  const line = ({ what, strict, lenient, rows, codes }: HostileCase) =>
    `| ${[what, strict, lenient, rows.map((one) => `\`${one}\``).join("<br>"), codes.map((code) => `\`${code}\``).join(" ")].join(" | ")} |`;
  return Object.entries(HOSTILE)
    .map(([part, cases]) => `## ${part}\n\n${head}\n${cases.map(line).join("\n")}\n`)
    .join("\n");
}
