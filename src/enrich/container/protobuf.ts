/**
 * A protobuf message as the texts and sub-messages in it, by field number; numbers of other kinds are skipped, for no
 * answer of a runtime needs them. The wire format is @bufbuild/protobuf's; here are the limits. Rubbish throws a
 * SourceTrouble.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { SourceTrouble } from "./source-trouble.ts";

/** Far more than a container's answer has; a message of many tiny fields costs more than its octets. */
const MAX_FIELDS = 4_096;

export class Message {
  private readonly parts = new Map<number, Uint8Array[]>();

  constructor(bytes: Uint8Array) {
    try {
      this.read(bytes);
    } catch {
      throw new SourceTrouble("a broken protobuf message");
    }
  }

  private read(bytes: Uint8Array): void {
    const reader = new BinaryReader(bytes);
    let count = 0;
    while (reader.pos < reader.len) {
      if (++count > MAX_FIELDS) throw new Error("a message of too many fields");
      const [field, wireType] = reader.tag();
      if (wireType !== WireType.LengthDelimited) {
        reader.skip(wireType, field);
        continue;
      }
      const part = reader.bytes();
      const parts = this.parts.get(field);
      if (parts) parts.push(part);
      else this.parts.set(field, [part]);
    }
  }

  /** Last one counts; empty when absent, as proto3 has it. */
  text(field: number): string {
    const part = this.parts.get(field)?.at(-1);
    return part === undefined ? "" : decode(part);
  }

  /** A repeated string. */
  texts(field: number): string[] {
    return (this.parts.get(field) ?? []).map(decode);
  }

  bytes(field: number): Uint8Array | null {
    return this.parts.get(field)?.at(-1) ?? null;
  }

  message(field: number): Message | null {
    const part = this.bytes(field);
    return part === null ? null : new Message(part);
  }

  messages(field: number): Message[] {
    return (this.parts.get(field) ?? []).map((part) => new Message(part));
  }

  /** `map<string, string>`: messages of key 1 and value 2. */
  map(field: number): [string, string][] {
    return this.messages(field).map((entry) => [entry.text(1), entry.text(2)]);
  }
}

function decode(part: Uint8Array): string {
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("utf8");
}

export type Value = string | boolean | number | Uint8Array | Encodable | readonly Value[];
/** Field numbers and their values: texts, numbers and flags (varint), messages; a list is a repeated field. */
export interface Encodable {
  readonly [field: number]: Value;
}

export function encode(fields: Encodable): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) write(writer, Number(field), one as Value);
  }
  return writer.finish();
}

function write(writer: BinaryWriter, field: number, value: Value): void {
  if (typeof value === "boolean") writer.tag(field, WireType.Varint).bool(value);
  else if (typeof value === "number") writer.tag(field, WireType.Varint).uint32(value);
  else if (typeof value === "string") writer.tag(field, WireType.LengthDelimited).string(value);
  else
    writer.tag(field, WireType.LengthDelimited).bytes(value instanceof Uint8Array ? value : encode(value as Encodable));
}
