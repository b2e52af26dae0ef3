/** A capture of a shop's visitors with a flood in it, as a file: hours on the wire, a moment to read. */
import { SECOND } from "../../src/core/units.ts";
import { START } from "./alert-traffic.ts";
import { type BuiltPacket, Conversation, pcapFile } from "./capture-builder.ts";

export interface ShopOptions {
  readonly minutes: number;
  /** Minutes of the flood, `[from, to)`; none when absent. */
  readonly flood?: readonly [from: number, to: number];
  /** Requests of visitors in 10 s, and of the flood. */
  readonly visitors?: number;
  readonly flooding?: number;
}

/** Requests on a connection of each 10 s, and those of one client that hammers the login. */
export function shopCapture({ minutes, flood, visitors = 8, flooding = 30 }: ShopOptions): Uint8Array {
  const packets: BuiltPacket[] = [];
  for (let slot = 0; slot < minutes * 6; slot++) {
    const start = START + slot * 10 * SECOND;
    const port = 20_000 + (slot % 30_000);
    packets.push(...talk("10.0.1.9", port, start, visitors, (index) => (index === 0 ? "/login" : `/item/${index}`)));
    const minute = slot / 6;
    if (flood !== undefined && minute >= flood[0] && minute < flood[1])
      packets.push(...talk("10.0.0.7", port, start + 5 * SECOND, flooding, () => "/login?password=hunter2"));
  }
  return pcapFile(packets.sort((a, b) => a.time - b.time));
}

function talk(ip: string, port: number, start: number, requests: number, path: (index: number) => string) {
  const step = Math.floor((4 * SECOND) / (requests * 4 + 6));
  const conversation = new Conversation({ client: { ip, port }, start, step, acknowledge: false }).open();
  for (let index = 0; index < requests; index++)
    conversation
      .client(`GET ${path(index)} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: ${ip}\r\n\r\n`)
      .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  return conversation.close().packets;
}
