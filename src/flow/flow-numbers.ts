/**
 * A flow as numbers, for the time it rests (resting-flows.ts), all but its addresses: what `writeFlow` writes `readFlow`
 * reads, in the same order. A field that is added to Flow or FlowHalf belongs here too, or into `isOrdinary`.
 */
import type { Flow, FlowHalf } from "../core/flow.ts";
import type { RestRecord } from "../core/rest.ts";

export function isOrdinary(flow: Flow): boolean {
  return flow.resetTime < 0 && isOrdinaryHalf(flow.halves[0]) && isOrdinaryHalf(flow.halves[1]);
}

function isOrdinaryHalf(half: FlowHalf): boolean {
  return half.held.length === 0 && half.urgent === null && !half.outOfBand && !half.conflict;
}

/** Place of the newest packet's time among the floats that `writeFlow` writes. */
export const LAST_TIME = 2;

export function writeFlow(flow: Flow, record: RestRecord): void {
  record.putFloat(flow.id);
  record.putFloat(flow.startTime);
  record.putFloat(flow.lastTime);
  record.putFloat(flow.now);
  record.putInt(flow.scope);
  record.putInt(flow.reverseScope);
  record.putInt(flow.vlan);
  record.putInt(flow.interfaceId);
  record.putInt(
    flow.clientHalf | (flow.copy ? 4 : 0) | (flow.handshakeSeen ? 8 : 0) | (flow.dataAcknowledges ? 16 : 0),
  );
  record.putInt(flow.exchanges);
  record.putInt(flow.dataSequence);
  record.putInt(flow.dataAcknowledgment);
  record.putInt(flow.dataIpLength);
  writeHalf(flow.halves[0], record);
  writeHalf(flow.halves[1], record);
}

export function readFlow(flow: Flow, record: RestRecord): void {
  flow.id = record.takeFloat();
  flow.startTime = record.takeFloat();
  flow.lastTime = record.takeFloat();
  flow.now = record.takeFloat();
  flow.scope = record.takeInt();
  flow.reverseScope = record.takeInt();
  flow.vlan = record.takeInt();
  flow.interfaceId = record.takeInt();
  const flags = record.takeInt();
  flow.clientHalf = (flags & 3) as 0 | 1 | 2;
  flow.copy = (flags & 4) !== 0;
  flow.handshakeSeen = (flags & 8) !== 0;
  flow.dataAcknowledges = (flags & 16) !== 0;
  flow.exchanges = record.takeInt();
  flow.dataSequence = record.takeInt();
  flow.dataAcknowledgment = record.takeInt();
  flow.dataIpLength = record.takeInt();
  readHalf(flow.halves[0], record);
  readHalf(flow.halves[1], record);
}

function writeHalf(half: FlowHalf, record: RestRecord): void {
  record.putInt(
    (half.known ? 1 : 0) |
      (half.initialKnown ? 2 : 0) |
      (half.finished ? 4 : 0) |
      (half.finSeen ? 8 : 0) |
      (half.ackSeen ? 16 : 0) |
      (half.conflict ? 32 : 0) |
      ((half.direction + 1) << 8),
  );
  record.putInt(half.next);
  record.putInt(half.initial);
  record.putInt(half.finSequence);
  record.putInt(half.acked);
  record.putInt(half.firstAcked);
  record.putInt(half.lastIpId);
  record.putInt(half.lastSequence);
  record.putFloat(half.overheadBytes);
  record.putFloat(half.retransmittedBytes);
  record.putFloat(half.wireBytes);
  record.putFloat(half.gapBytes);
}

function readHalf(half: FlowHalf, record: RestRecord): void {
  const flags = record.takeInt();
  half.known = (flags & 1) !== 0;
  half.initialKnown = (flags & 2) !== 0;
  half.finished = (flags & 4) !== 0;
  half.finSeen = (flags & 8) !== 0;
  half.ackSeen = (flags & 16) !== 0;
  half.conflict = (flags & 32) !== 0;
  half.direction = (flags >> 8) - 1;
  half.next = record.takeInt();
  half.initial = record.takeInt();
  half.finSequence = record.takeInt();
  half.acked = record.takeInt();
  half.firstAcked = record.takeInt();
  half.lastIpId = record.takeInt();
  half.lastSequence = record.takeInt();
  half.overheadBytes = record.takeFloat();
  half.retransmittedBytes = record.takeFloat();
  half.wireBytes = record.takeFloat();
  half.gapBytes = record.takeFloat();
}
