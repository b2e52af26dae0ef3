import { expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { KIND, NO_ID, PathTable } from "./paths.ts";

test("a path has one number, and its text", () => {
  const table = new PathTable(new Ledger(), "t");
  const seven = table.child(0, KIND.vlan, 7);
  const inner = table.child(seven, KIND.vxlan, 42);
  expect([table.name(0), table.name(seven), table.name(inner)]).toEqual([null, "vlan:7", "vlan:7/vxlan:42"]);
  expect(table.child(0, KIND.vlan, 7)).toBe(seven);
  expect(table.child(table.child(0, KIND.vxlan, 42), KIND.vlan, 7)).not.toBe(inner);
  expect(table.name(table.child(0, KIND.gre, 0xfffffff0))).toBe("gre:4294967280");
  expect(table.name(table.child(seven, KIND["6in4"], NO_ID))).toBe("vlan:7/6in4");
  expect(table.name(12345)).toBe("other");
});

test("a full table gives one number to all others, and counts them", () => {
  const ledger = new Ledger();
  const table = new PathTable(ledger, "decode.scopes", 100);
  const numbers = Array.from({ length: 250 }, (_, id) => table.child(0, KIND.vxlan, id));
  expect(new Set(numbers).size).toBe(101);
  expect(numbers.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(ledger.evicted.get("decode.scopes")).toBe(150);
  expect(table.name(numbers[200])).toBe("other");
  expect(table.child(numbers[200], KIND.vlan, 1)).toBe(numbers[200]);
  // what was there stays
  expect(table.child(0, KIND.vxlan, 5)).toBe(numbers[5]);
});
