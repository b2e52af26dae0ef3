import { expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { Trouble } from "../core/trouble.ts";
import { SECOND } from "../core/units.ts";
import { Overview } from "./overview.ts";

test("field lines are not looked at unless a dimension is about them: reading them is dear", () => {
  const event = transaction();
  let looked = 0;
  const request = Object.defineProperty({ ...event.request! }, "fields", {
    get() {
      looked++;
      return [["X-Team", "red"]];
    },
  });
  const lazy = { ...event, request };
  const plain = new Overview();
  plain.observe(plain.create(), lazy);
  expect(looked).toBe(0);
  const byTeam = new Overview({ dimensions: ["header:x-team"] });
  const state = byTeam.create();
  byTeam.observe(state, lazy);
  expect(byTeam.report(state).top["header:x-team"].rows[0].keys).toEqual(["red"]);
});

test("retention lets rankings forget", () => {
  const overview = new Overview();
  const state = overview.create();
  overview.observe(state, transaction({ time_us: 100 * SECOND, request: { host: "old.example" } }));
  overview.observe(state, transaction({ time_us: 200 * SECOND, request: { host: "new.example" } }));
  overview.retire(state, 150 * SECOND);
  expect(overview.report(state).top.domain.rows.map((row) => row.keys[0])).toEqual(["new.example"]);
});

test("one ranking by another metric, and an error for a dimension that is not kept", () => {
  const overview = new Overview();
  const state = overview.create();
  overview.observe(state, transaction({ request: { host: "few" }, bytes: { out: 1_000_000 } }));
  for (let index = 0; index < 3; index++) {
    overview.observe(state, transaction({ request: { host: "many" }, bytes: { out: 10 } }));
  }
  expect(overview.ranking(state, "domain", "requests").rows[0].keys).toEqual(["many"]);
  expect(overview.ranking(state, "domain", "bytes-out").rows[0].keys).toEqual(["few"]);
  expect(() => overview.ranking(state, "path", "requests")).toThrow("does not rank by path");
});

test("country is ranked with a database, and refused without", () => {
  expect(new Overview({ country: () => "CH" }).dimensions.map(({ name }) => name)).toContain("country");
  expect(new Overview().dimensions.map(({ name }) => name)).not.toContain("country");
  expect(() => new Overview({ dimensions: ["country"] })).toThrow(Trouble);
});
