/** Short forms of packet-builder.ts for capture tests, where ports and protocols matter and addresses do not. */
import * as build from "./packet-builder.ts";

const V4 = { source: "10.0.0.1", destination: "10.0.0.2" };
const V6 = { source: "fd00::1", destination: "fd00::2" };

export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;

/** VLAN ids, outermost first. */
export function ethernet(type: number, payload: Uint8Array, vlans: readonly number[] = []): Uint8Array {
  return build.ethernet({ type, vlans }, payload);
}

export interface Ipv4Options {
  /** In octets. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  /** Header options, in words of 32 bits. */
  readonly optionWords?: number;
}

export function ipv4(protocol: number, payload: Uint8Array, options: Ipv4Options = {}): Uint8Array {
  return build.ipv4({ ...V4, ...options, protocol, options: new Uint8Array((options.optionWords ?? 0) * 4) }, payload);
}

export function ipv6(nextHeader: number, payload: Uint8Array): Uint8Array {
  return build.ipv6({ ...V6, nextHeader }, payload);
}

export function tcp(sourcePort: number, destinationPort: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return build.tcp({ ...V4, sourcePort, destinationPort }, data);
}

export function udp(sourcePort: number, destinationPort: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return build.udp({ ...V4, sourcePort, destinationPort }, data);
}
