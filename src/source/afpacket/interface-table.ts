/**
 * Interfaces met in a live capture: the kernel's index to our number, name and link type. Takes what a packet's header
 * says, tells the handler of every interface before its first packet. An index is never used again by the kernel while
 * it runs, so an interface that comes back is a new one.
 */
import type { CaptureInterface, PacketHandler } from "../../core/packet.ts";
import { ETHERNET_TYPES } from "./filter-program.ts";
import { native } from "./native.ts";

/** Containers come and go with an interface each; beyond this many they share one entry without a name. */
export const MAX_INTERFACES = 16_384;

const LINKTYPE_ETHERNET = 1;
/** Everything without an Ethernet header is handed over as raw IP, see block-reader.ts. */
const LINKTYPE_RAW = 101;
/** Wi-Fi in monitor mode: headers before the network header are what there is to decode. */
const LINKTYPES = new Map([
  [801, 105],
  [802, 119],
  [803, 127],
]);

export function linkTypeOf(hardwareType: number): number {
  if (ETHERNET_TYPES.includes(hardwareType)) return LINKTYPE_ETHERNET;
  return LINKTYPES.get(hardwareType) ?? LINKTYPE_RAW;
}

interface Entry {
  readonly id: number;
  readonly linkType: number;
}

export class InterfaceTable {
  /** The interface of the newest packet, so that the next one of the same costs a comparison. */
  lastIndex = -1;
  lastId = -1;
  lastLinkType = 0;
  /** Interfaces that got no entry of their own. */
  overflow = 0;
  private readonly entries = new Map<number, Entry>();
  private shared: Entry | null = null;
  private readonly names: Map<number, string>;

  /** `names` by index: of interfaces that may be gone before their first packet is read. */
  constructor(names: ReadonlyMap<number, string>) {
    this.names = new Map(names);
  }

  /** Makes the interface with this index the last one; opens it on first sight. */
  use(index: number, hardwareType: number, handler: PacketHandler): void {
    const entry = this.entries.get(index) ?? this.open(index, hardwareType, handler);
    this.lastIndex = index;
    this.lastId = entry.id;
    this.lastLinkType = entry.linkType;
  }

  private open(index: number, hardwareType: number, handler: PacketHandler): Entry {
    const linkType = linkTypeOf(hardwareType);
    if (this.entries.size >= MAX_INTERFACES) {
      this.overflow++;
      this.shared ??= announce({ id: MAX_INTERFACES, name: null, linkType, description: null }, handler);
      return { id: this.shared.id, linkType };
    }
    const name = nameOf(index) ?? this.names.get(index) ?? null;
    this.names.delete(index);
    const entry = announce({ id: this.entries.size, name, linkType, description: null }, handler);
    this.entries.set(index, entry);
    return entry;
  }
}

function announce(info: CaptureInterface, handler: PacketHandler): Entry {
  handler.interfaceOpened(info);
  return { id: info.id, linkType: info.linkType };
}

/** null when the interface is gone. */
function nameOf(index: number): string | null {
  const name = new Uint8Array(16);
  if (!native().if_indextoname(index, name)) return null;
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
