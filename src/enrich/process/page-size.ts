/** Size of a memory page, by which the kernel lays out what it maps: AT_PAGESZ of the auxiliary vector (getauxval(3)). */
import { readText } from "./proc-files.ts";

const AT_PAGESZ = 6;
const PAIR = 16;

export function pageSize(): number {
  const vector = Buffer.from(readText("/proc/self/auxv", "latin1") ?? "", "latin1");
  for (let at = 0; at + PAIR <= vector.length; at += PAIR) {
    if (vector.readUInt32LE(at) === AT_PAGESZ) return vector.readUInt32LE(at + 8);
  }
  return 4096;
}
