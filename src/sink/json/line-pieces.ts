/** Pieces of a line that are the same in many: made as text by both writers of lines, and kept by them. */
import type { Flow } from "../../core/flow.ts";
import { formatTime } from "../../core/units.ts";

/** `{"type":"transaction","time":"2026-01-31T10:20:30.`: all of the line's beginning that repeats within a second. */
export function linePrefix(time: number): string {
  return `{"type":"transaction","time":"${formatTime(time).slice(0, 20)}`;
}

/** What stands behind the server's port in `flow`, up to its closing brace. */
export function flowEnd(flow: Flow): string {
  const { interfaceName, vlan, encapsulation } = flow;
  const rest = JSON.stringify({ interface: interfaceName, vlan: vlan < 0 ? null : vlan, encapsulation });
  return `},${rest.slice(1)}`;
}
