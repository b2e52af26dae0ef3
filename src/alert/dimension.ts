/**
 * Dimensions of alerts: the same as rankings have (docs/statistics.md), with keys short enough to read. Takes a name;
 * gives a reader that takes an event and gives its key, null where the event does not tell.
 */
import type { EarshotEvent } from "../core/event.ts";
import { dimension } from "../stats/dimension.ts";

/** Longer keys are cut: an alert is for reading, and its tables must stay small. */
const KEY_LENGTH = 120;

export type KeyReader = (event: EarshotEvent) => string | null;

/** Throws Trouble when there is no such dimension. */
export function keyReader(name: string): KeyReader {
  const { key } = dimension(name, { maxLength: KEY_LENGTH });
  return (event) => (event.type === "alert" ? null : (key(event) ?? null));
}

/** As `keyReader`; a host is also the server name of a TLS connection. */
export function newcomerReader(name: string): KeyReader {
  const read = keyReader(name);
  if (name !== "host") return read;
  const serverName = keyReader("server-name");
  return (event) => read(event) ?? serverName(event);
}
