/** Makes the destination that a spec asks for. */
import type { Writable } from "node:stream";
import type { Ledger } from "../../core/ledger.ts";
import type { Destination } from "./destination.ts";
import { ForwardSender } from "./forward.ts";
import { QueuedSender } from "./queued-sender.ts";
import { RotatingFile } from "./rotating-file.ts";
import type { OutputSpec } from "./spec.ts";
import { NodeStreamWriter } from "./stdout.ts";
import { StreamDestination } from "./stream-destination.ts";
import { WebhookSender } from "./webhook.ts";

export interface OpenOptions {
  readonly ledger: Ledger;
  /** True for live traffic: a destination that cannot keep up drops and counts. False: the reader waits. */
  readonly live: boolean;
  /** First lines of the output, from its format; empty for none. */
  readonly header?: string;
  readonly stdout?: Writable;
  /** Standard output was closed by its reader: end the program, without an error. */
  readonly onEnd?: () => void;
  /** An output failed: tell the user once; the program goes on and counts what is lost. */
  readonly onFailure?: (output: string, error: Error) => void;
}

/** Tries of a Fluent forward, as Tracee's. */
const FORWARD_ATTEMPTS = 5;

const ROTATING_CHUNK_BYTES = 64 * 1024;

/** Opens files at once, so that a mistake is told at the start (throws Trouble); receivers are contacted when needed. */
export function openDestination(spec: OutputSpec, options: OpenOptions): Destination {
  const { destination } = spec;
  const { ledger, header = "" } = options;
  const common = { ledger, drop: options.live };
  const failing = (name: string) => (error: Error) => options.onFailure?.(name, error);
  switch (destination.kind) {
    case "stdout": {
      const name = spec.format;
      const writer = new NodeStreamWriter(options.stdout ?? process.stdout);
      const opened = new StreamDestination(writer, { ...common, name, onEnd: options.onEnd, onFailure: failing(name) });
      if (header !== "") opened.record(header);
      return opened;
    }
    case "file": {
      const name = `${spec.format}:${destination.path}`;
      return new StreamDestination(new RotatingFile({ ...destination, header }), {
        ...common,
        name,
        chunk_bytes: chunkBytes(destination.rotate_bytes),
        onFailure: failing(name),
      });
    }
    case "webhook": {
      const name = `${spec.format}:webhook:${new URL(destination.url).host}`;
      const { attempts } = destination;
      return new QueuedSender(new WebhookSender(destination), { ...common, name, attempts, onFailure: failing(name) });
    }
    case "forward": {
      const name = `${spec.format}:forward:${destination.host}:${destination.port}`;
      const sender = new ForwardSender(destination);
      return new QueuedSender(sender, { ...common, name, attempts: FORWARD_ATTEMPTS, onFailure: failing(name) });
    }
  }
}

/** A file rotates between chunks, so chunks are small beside the file; unchanged where the file never rotates. */
function chunkBytes(rotate_bytes: number | null): number | undefined {
  return rotate_bytes === null ? undefined : Math.max(1, Math.min(ROTATING_CHUNK_BYTES, rotate_bytes / 16));
}
