/** The name of one TCP socket: its own address and port first, then its peer's. Addresses are words as in Packet. */
import type { Flow } from "../../core/flow.ts";

export class SocketTuple {
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localPort = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  remotePort = 0;

  copy(other: SocketTuple): void {
    this.local0 = other.local0;
    this.local1 = other.local1;
    this.local2 = other.local2;
    this.local3 = other.local3;
    this.localPort = other.localPort;
    this.remote0 = other.remote0;
    this.remote1 = other.remote1;
    this.remote2 = other.remote2;
    this.remote3 = other.remote3;
    this.remotePort = other.remotePort;
  }
}

/** Which end of a flow: 0 is the sender of the first packet, as HalfIndex. */
export type End = 0 | 1;

/** Fills `into` with the socket that sits at one end of a flow. */
export function socketOf(flow: Flow, end: End, into: SocketTuple): SocketTuple {
  if (end === 0) {
    into.local0 = flow.source0;
    into.local1 = flow.source1;
    into.local2 = flow.source2;
    into.local3 = flow.source3;
    into.localPort = flow.sourcePort;
    into.remote0 = flow.destination0;
    into.remote1 = flow.destination1;
    into.remote2 = flow.destination2;
    into.remote3 = flow.destination3;
    into.remotePort = flow.destinationPort;
  } else {
    into.local0 = flow.destination0;
    into.local1 = flow.destination1;
    into.local2 = flow.destination2;
    into.local3 = flow.destination3;
    into.localPort = flow.destinationPort;
    into.remote0 = flow.source0;
    into.remote1 = flow.source1;
    into.remote2 = flow.source2;
    into.remote3 = flow.source3;
    into.remotePort = flow.sourcePort;
  }
  return into;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(word0: number, word1: number, word2: number, word3: number): boolean {
  if (word0 !== 0 || word1 !== 0) return false;
  return word2 === 0xffff ? word3 >>> 24 === 127 : word2 === 0 && word3 === 1;
}
