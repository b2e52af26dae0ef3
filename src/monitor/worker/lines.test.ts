import fc from "fast-check";
import { expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { printableJson } from "../../core/printable.ts";
import { linesOf } from "./lines.ts";

const eventsOf = (bytes: Uint8Array) => [...linesOf(bytes)].map(({ event }) => event);

test("law: events come back as they were, whatever is in them", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (paths) => {
      const events = paths.map((path) => transaction({ request: { path, fields: [[path, path]] } }));
      const lines = events.map((event) => `${printableJson(JSON.stringify(event))}\n`).join("");
      const bytes = new TextEncoder().encode(lines);
      const read = eventsOf(bytes);
      expect(Buffer.concat([...linesOf(bytes)].map((line) => line.bytes)).equals(bytes)).toBe(true);
      expect(read).toEqual(events.map((event) => JSON.parse(JSON.stringify(event))));
    }),
  );
});

test("no lines, no events; a last line may lack its end", () => {
  expect(eventsOf(new Uint8Array(0))).toEqual([]);
  expect(eventsOf(new TextEncoder().encode('{"a":1}\n{"b":2}'))).toEqual([{ a: 1 }, { b: 2 }]);
});
