/** Reads a tracepoint's `format` file (tracefs): its number and where its fields are. Pure. */

export interface TraceFormat {
  readonly id: number;
  /** Offset in octets of each field asked for. */
  readonly offsets: Readonly<Record<string, number>>;
}

/** null when the file lacks the number or one of the fields. */
export function parseTraceFormat(text: string, fields: readonly string[]): TraceFormat | null {
  const id = /^ID: (\d+)$/m.exec(text)?.[1];
  if (id === undefined) return null;
  const offsets: Record<string, number> = {};
  for (const match of text.matchAll(/^\s*field:[^;]*?(\w+)(?:\[\d*\])?;\s*offset:(\d+);/gm)) {
    if (fields.includes(match[1])) offsets[match[1]] = Number(match[2]);
  }
  return fields.every((field) => offsets[field] !== undefined) ? { id: Number(id), offsets } : null;
}
