/** Ethernet frames for capture tests, built by hand so that no code under test has made them. */

const bytesOf = (...values: number[]) => Uint8Array.from(values);
const u16 = (value: number) => [(value >>> 8) & 255, value & 255];

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Tags are the 16-bit control information, outermost first; `type` announces what follows them. */
export function ethernet(type: number, payload: Uint8Array, tags: readonly number[] = [], tagType = 0x8100) {
  const tagBytes = tags.flatMap((tag) => [...u16(tagType), ...u16(tag)]);
  return join(bytesOf(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...tagBytes, ...u16(type)), payload);
}

export interface Ipv4Options {
  readonly fragment?: number;
  /** Words of options. */
  readonly options?: number;
}

export function ipv4(protocol: number, payload: Uint8Array, { fragment = 0, options = 0 }: Ipv4Options = {}) {
  const headerLength = 20 + options * 4;
  const header = new Uint8Array(headerLength);
  header.set([0x40 | (headerLength >>> 2), 0, ...u16(headerLength + payload.length), 0, 1, ...u16(fragment), 64]);
  header[9] = protocol;
  header.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  header.fill(1, 20);
  let sum = 0;
  for (let at = 0; at < headerLength; at += 2) sum += (header[at] << 8) | header[at + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.set(u16(~sum & 0xffff), 10);
  return join(header, payload);
}

export function ipv6(nextHeader: number, payload: Uint8Array) {
  const header = new Uint8Array(40);
  header.set([0x60, 0, 0, 0, ...u16(payload.length), nextHeader, 64]);
  header[8] = header[24] = 0xfd;
  header[23] = 1;
  header[39] = 2;
  return join(header, payload);
}

export function tcp(from: number, to: number, payload = new Uint8Array(0)) {
  const header = new Uint8Array(20);
  header.set([...u16(from), ...u16(to)]);
  header[12] = 0x50;
  header[13] = 0x18;
  return join(header, payload);
}

export function udp(from: number, to: number, payload = new Uint8Array(0)) {
  return join(bytesOf(...u16(from), ...u16(to), ...u16(8 + payload.length), 0, 0), payload);
}
