/** `-o json` for events that are plain data already: one object a line, safe to print on a terminal. */
import type { EarshotEvent } from "../../core/event.ts";
import { printableJson } from "../../core/printable.ts";
import type { EventFormat } from "../output/destination.ts";

export const jsonFormat: EventFormat = {
  name: "json",
  format: (event: EarshotEvent) => [printableJson(JSON.stringify(event))],
};
