/** `earshot interfaces` */

import { size } from "../sink/table/columns.ts";
import { interfaces } from "../source/interfaces.ts";
import { plainTable } from "./plain-table.ts";
import { choice } from "./values.ts";

export function showInterfaces(options: { readonly output: string }): void {
  const format = choice("-o", ["table", "json"] as const)(options.output);
  const found = interfaces();
  if (format === "json") {
    process.stdout.write(`${found.map((one) => JSON.stringify(one)).join("\n")}\n`);
    return;
  }
  const octets = (value: number | null) => (value === null ? "?" : size(value));
  const rows = found.map((one) => [
    one.name,
    one.state ?? "?",
    one.kind,
    one.link_type ?? "?",
    octets(one.received_bytes),
    octets(one.sent_bytes),
    one.addresses.join(" "),
  ]);
  const titles = ["NAME", "STATE", "KIND", "LINK", "RECEIVED", "SENT", "ADDRESSES"];
  process.stdout.write(`${plainTable(titles, rows)}\n`);
}
