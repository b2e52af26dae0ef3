/**
 * What people tell an engine, running or saved: acknowledge, silence, relearn. As plain data, so that it can come over a
 * socket, a page or a file; checked here. Takes the data; gives a sentence, or throws Trouble.
 */
import { z } from "zod";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import { lengthText } from "./messages.ts";
import { parseDuration } from "./schema.ts";
import type { Silence } from "./silence.ts";

/** An engine, or a saved state. See AlertEngine. */
export interface AlertDesk {
  acknowledge(id: string, comment: string | null): boolean;
  silence(filter: string, length: Micros, comment: string | null): Silence;
  unsilence(id: string): boolean;
  relearn(rule: string | null): boolean;
}

const comment = z.string().max(500).nullable().default(null);

export const alertCommandSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("ack"), id: z.string().min(1).max(100), comment }),
  z.strictObject({
    do: z.literal("silence"),
    /** Over alert records. */
    filter: z.string().min(1).max(2000),
    for: z.union([z.string(), z.number()]),
    comment,
  }),
  z.strictObject({ do: z.literal("unsilence"), id: z.string().min(1).max(100) }),
  /** Of one rule; null for all. */
  z.strictObject({ do: z.literal("relearn"), rule: z.string().min(1).max(100).nullable().default(null) }),
]);

export type AlertCommand = z.input<typeof alertCommandSchema>;

const wrong = (message: string, hint: string) => new Trouble(message, { exitCode: EXIT.usage, hint });

export function applyAlertCommand(desk: AlertDesk, given: unknown): string {
  const parsed = alertCommandSchema.safeParse(given);
  if (!parsed.success)
    throw wrong("alert command not understood", parsed.error.issues.map((issue) => issue.message).join("; "));
  const command = parsed.data;
  switch (command.do) {
    case "ack":
      if (!desk.acknowledge(command.id, command.comment))
        throw wrong(`no alert ${command.id} is open`, "earshot alerts list shows those that are.");
      return `acknowledged ${command.id}`;
    case "silence": {
      const length = parseDuration(command.for);
      if (length === null || length === 0)
        throw wrong(`cannot silence for "${command.for}"`, "Write it like 30m or 2h.");
      const silence = desk.silence(command.filter, length, command.comment);
      return `silenced ${silence.filter} for ${lengthText(length)} (${silence.id})`;
    }
    case "unsilence":
      if (!desk.unsilence(command.id))
        throw wrong(`there is no silence ${command.id}`, "earshot alerts list shows those that are.");
      return `removed ${command.id}`;
    case "relearn":
      if (!desk.relearn(command.rule))
        throw wrong(`there is no alert rule ${command.rule}`, "earshot alerts list --rules shows them.");
      return command.rule === null ? "all rules learn anew" : `${command.rule} learns anew`;
  }
}
