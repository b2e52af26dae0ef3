/** Hands packets on, and tells when capture time has come to another second: for what goes by the time of a file. */
import type { CaptureInterface, PacketHandler, RawPacket } from "../core/packet.ts";
import { type Micros, SECOND } from "../core/units.ts";

export class SecondTeller implements PacketHandler {
  private readonly next: PacketHandler;
  private readonly onSecond: (now: Micros) => void;
  private newest: Micros = Number.NEGATIVE_INFINITY;

  constructor(next: PacketHandler, onSecond: (now: Micros) => void) {
    this.next = next;
    this.onSecond = onSecond;
  }

  interfaceOpened(info: CaptureInterface): void {
    this.next.interfaceOpened(info);
  }

  /** What the packet brings comes first: the second that it begins has nothing in it yet but this. */
  packet(raw: RawPacket): void {
    const { time } = raw;
    this.next.packet(raw);
    if (time < this.newest + SECOND) return;
    this.newest = Math.floor(time / SECOND) * SECOND;
    this.onSecond(time);
  }

  secrets(keyLog: string): void {
    this.next.secrets?.(keyLog);
  }
}
