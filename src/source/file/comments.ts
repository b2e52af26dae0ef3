/** Which capture files can hold comments: only pcapng has a place for them (and for an interface's description). */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { STANDARD_INPUT } from "./input.ts";
import { PcapFormat } from "./pcap.ts";

/** False when all are plain pcap. What cannot be looked at now (pipes, compressed files) may hold some. */
export function mayHoldComments(paths: readonly string[]): boolean {
  return !paths.every((path) => path !== STANDARD_INPUT && isPlainPcap(path));
}

function isPlainPcap(path: string): boolean {
  const magic = Buffer.alloc(4);
  try {
    // opening a named pipe would wait for its writer
    if (!statSync(path).isFile()) return false;
    const file = openSync(path, "r");
    try {
      if (readSync(file, magic, 0, 4, 0) < 4) return false;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
  return PcapFormat.isMagic(magic.readUInt32BE(0));
}
