/** Chunks to a stream of Node: standard output, whatever it is (terminal, file, pipe). */
import type { Writable } from "node:stream";
import type { ChunkWriter } from "./stream-destination.ts";

/** Listens for the stream's errors, so that a closed pipe rejects a write and does not end the program. */
export class NodeStreamWriter implements ChunkWriter {
  private readonly stream: Writable;
  private broken: Error | null = null;
  private rejectCurrent: ((error: Error) => void) | null = null;

  constructor(stream: Writable) {
    this.stream = stream;
    stream.on("error", (error) => {
      this.broken = error;
      this.rejectCurrent?.(error);
    });
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.broken !== null) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.rejectCurrent = reject;
      this.stream.write(chunk, (error) => {
        this.rejectCurrent = null;
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Standard output is not ours to close. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
