/**
 * `-o tracee`: the events net_packet_http, net_packet_http_request and net_packet_http_response as Tracee prints them
 * (docs/tracee.md), made from whole messages: one event a message, however many packets its head took.
 */
import type { EarshotEvent } from "../../core/event.ts";
import { printableJson } from "../../core/printable.ts";
import type { EventFormat } from "../output/destination.ts";
import { legacyEvent, type TraceeOptions } from "./legacy.ts";
import { eventNames, messagesOf } from "./message.ts";
import type { Selection } from "./select.ts";
import { tableHeader, tableRow } from "./table.ts";
import { v1beta1Event } from "./v1beta1.ts";

export interface TraceeFormatOptions extends TraceeOptions {
  readonly format: "legacy" | "v1beta1" | "table";
  /** Of compileSelection. */
  readonly selection: Selection;
  /** Table: columns for the container, as Tracee shows when it traces containers. */
  readonly containers?: boolean;
}

export class TraceeFormat implements EventFormat {
  readonly name = "tracee";
  private readonly options: TraceeFormatOptions;

  constructor(options: TraceeFormatOptions) {
    this.options = options;
  }

  header(): string {
    return this.options.format === "table" ? tableHeader(this.options.containers ?? false) : "";
  }

  /** No, one or several events: at most four for a transaction. */
  format(event: EarshotEvent): readonly string[] {
    if (event.type !== "transaction") return [];
    const { format, selection, containers = false } = this.options;
    return messagesOf(event).flatMap((message) =>
      eventNames(message)
        .filter((name) => selection(name, message))
        .map((name) => {
          if (format === "table") return tableRow(name, message, containers);
          const write = format === "legacy" ? legacyEvent : v1beta1Event;
          return printableJson(write(name, message, this.options));
        }),
    );
  }
}
