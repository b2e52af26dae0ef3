/**
 * The network interfaces of this machine, from /sys/class/net and the operating system's list of addresses. Takes
 * nothing, gives plain data; unknown is null.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { EXIT, Trouble } from "../core/trouble.ts";

/** The name that stands for all interfaces. */
export const ANY = "any";
const FOLDER = "/sys/class/net";

export type InterfaceKind =
  | "loopback"
  | "ethernet"
  | "wireless"
  | "veth"
  | "bridge"
  | "bond"
  | "vlan"
  | "vxlan"
  | "tun"
  | "tap"
  | "wireguard"
  | "ppp"
  | "tunnel"
  | "dummy"
  | "virtual"
  | "other";

export interface NetworkInterface {
  readonly name: string;
  readonly index: number | null;
  /** `up`, `down`, `unknown` (loopback and tunnels do not tell), … as in /sys/class/net/NAME/operstate. */
  readonly state: string | null;
  /** Switched on by the administrator; whether a cable is there is another matter. */
  readonly enabled: boolean | null;
  readonly kind: InterfaceKind;
  /** `Ethernet` when packets begin with an Ethernet header, else `raw IP`. */
  readonly link_type: "Ethernet" | "raw IP" | "802.11" | null;
  /** With prefix length: `192.0.2.1/24`. */
  readonly addresses: readonly string[];
  readonly mac: string | null;
  readonly mtu_bytes: number | null;
  readonly received_bytes: number | null;
  readonly sent_bytes: number | null;
  readonly received_packets: number | null;
  readonly sent_packets: number | null;
}

/** States in which nothing can come or go. */
const DEAD = ["down", "lowerlayerdown", "notpresent"];

/** Why nothing can be captured on an interface now; null when it can, or where the system does not tell. */
export function whyDown(name: string): string | null {
  if (process.platform !== "linux") return null;
  const flags = readText(name, "flags");
  if (flags === null) return `interface ${name} is gone`;
  const state = readText(name, "operstate");
  const dead = (Number.parseInt(flags, 16) & IFF_UP) === 0 || (state !== null && DEAD.includes(state));
  return dead ? `interface ${name} is down` : null;
}

const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const ETHERNET = 1;

/** Every interface, by index. */
export function interfaces(): NetworkInterface[] {
  const addresses = networkInterfaces();
  return interfaceNames()
    .map((name) => describe(name, addresses))
    .sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

/** On other systems than Linux there is no /sys: then only interfaces with an address are known. */
export function interfaceNames(): string[] {
  try {
    // bonding_masters is a plain file in between
    return readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, "ifindex")));
  } catch {
    return Object.keys(networkInterfaces());
  }
}

/** Kernel index to name. */
export function interfaceIndexes(): Map<number, string> {
  const indexes = new Map<number, string>();
  for (const name of interfaceNames()) {
    const index = readNumber(name, "ifindex");
    if (index !== null) indexes.set(index, name);
  }
  return indexes;
}

/** Any interface whose packets begin with an Ethernet header; loopback is nearly always there. */
export function ethernetInterface(): string {
  return interfaceNames().find((name) => linkType(readNumber(name, "type")) === "Ethernet") ?? "lo";
}

/** The user named an interface that is not there. */
export function noSuchInterface(name: string): Trouble {
  return new Trouble(`there is no interface "${name}"`, {
    exitCode: EXIT.usage,
    hint: `Interfaces here: ${[...interfaceNames().sort(), ANY].join(", ")}.`,
  });
}

function describe(name: string, addresses: ReturnType<typeof networkInterfaces>): NetworkInterface {
  const flags = Number.parseInt(readText(name, "flags") ?? "", 16);
  const type = readNumber(name, "type");
  const mac = readText(name, "address");
  return {
    name,
    index: readNumber(name, "ifindex"),
    state: readText(name, "operstate"),
    enabled: Number.isNaN(flags) ? null : (flags & IFF_UP) !== 0,
    kind: kindOf(name, type, flags),
    link_type: linkType(type),
    addresses: (addresses[name] ?? []).map((address) => address.cidr ?? address.address),
    mac: mac !== null && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && mac !== "00:00:00:00:00:00" ? mac : null,
    mtu_bytes: readNumber(name, "mtu"),
    received_bytes: readNumber(name, "statistics/rx_bytes"),
    sent_bytes: readNumber(name, "statistics/tx_bytes"),
    received_packets: readNumber(name, "statistics/rx_packets"),
    sent_packets: readNumber(name, "statistics/tx_packets"),
  };
}

/** By ARPHRD_ number. */
function linkType(type: number | null): NetworkInterface["link_type"] {
  if (type === null) return null;
  if (type === ETHERNET || type === 772) return "Ethernet";
  return type >= 801 && type <= 803 ? "802.11" : "raw IP";
}

/** What DEVTYPE in uevent says, where the driver says something. */
const DEVICE_TYPES: Record<string, InterfaceKind> = {
  bridge: "bridge",
  bond: "bond",
  vlan: "vlan",
  vxlan: "vxlan",
  wlan: "wireless",
  wireguard: "wireguard",
  ppp: "ppp",
  gre: "tunnel",
  geneve: "tunnel",
  ip_tunnel: "tunnel",
};

/** ARPHRD_ numbers: ppp, ipip, ip6tnl, sit, gre, ip6gre. */
const TUNNEL_TYPES = [768, 769, 776, 778, 823];
const PPP_TYPE = 512;
const TUN_IS_TAP = 2;

function kindOf(name: string, type: number | null, flags: number): InterfaceKind {
  if ((flags & IFF_LOOPBACK) !== 0) return "loopback";
  const deviceType = /^DEVTYPE=(.+)$/m.exec(readText(name, "uevent") ?? "")?.[1];
  if (deviceType !== undefined && DEVICE_TYPES[deviceType]) return DEVICE_TYPES[deviceType];
  const tunFlags = readText(name, "tun_flags");
  if (tunFlags !== null) return (Number.parseInt(tunFlags, 16) & TUN_IS_TAP) !== 0 ? "tap" : "tun";
  if (type === PPP_TYPE) return "ppp";
  if (type !== null && TUNNEL_TYPES.includes(type)) return "tunnel";
  if (type !== ETHERNET) return "other";
  if (existsSync(join(FOLDER, name, "device"))) return "ethernet";
  return virtualKind(name);
}

/** Ethernet without hardware. Only a veth has a peer with another index that is not the device below it. */
function virtualKind(name: string): InterfaceKind {
  const peer = readNumber(name, "iflink");
  const own = readNumber(name, "ifindex");
  const hasLower = lowerDevices(name).length > 0;
  if (peer !== own && !hasLower) return "veth";
  if (/^dummy\d*$/.test(name)) return "dummy";
  return isVirtual(name) ? "virtual" : "ethernet";
}

function lowerDevices(name: string): string[] {
  try {
    return readdirSync(join(FOLDER, name)).filter((entry) => entry.startsWith("lower_"));
  } catch {
    return [];
  }
}

function isVirtual(name: string): boolean {
  try {
    return readlinkSync(join(FOLDER, name)).includes("/virtual/");
  } catch {
    return false;
  }
}

function readText(name: string, file: string): string | null {
  try {
    return readFileSync(join(FOLDER, name, file), "utf8").trim();
  } catch {
    return null;
  }
}

function readNumber(name: string, file: string): number | null {
  const text = readText(name, file);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
