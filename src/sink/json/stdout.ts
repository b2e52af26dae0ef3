/** Standard output for a reader of files: written in the same turn, waiting while a pipe is full, so nothing queues. */
import { writeSync } from "node:fs";

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Whoever read our output is gone (`| head`). */
export class OutputClosed extends Error {}

/** Writes all of `bytes[0, length)` to a descriptor. Throws OutputClosed when its reader is gone. */
export function writeAll(descriptor: number, bytes: Uint8Array, length: number): void {
  let written = 0;
  while (written < length) {
    try {
      written += writeSync(descriptor, bytes, written, length - written);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EAGAIN") Atomics.wait(pause, 0, 0, 1);
      else if (code === "EPIPE") throw new OutputClosed("the output's reader is gone");
      else throw error;
    }
  }
}
