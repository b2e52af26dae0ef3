/** Connections with a handshake and a request that nobody answers, one after the other; also as a capture file. */
import { ACK, PSH, SYN } from "../../src/core/packet.ts";
import { Conversation, pcapFile } from "./capture-builder.ts";

const REQUEST = [
  "GET /item/1 HTTP/1.1",
  "Host: www.example.com",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/127.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  `Cookie: session=${"a".repeat(200)}; theme=dark`,
  "Referer: http://www.example.com/list?page=2",
].join("\r\n");

/** Places of the client's address in a frame that it sends, and in one that it gets. */
const SENDER = 14 + 12;
const RECEIVER = 14 + 16;
/** Where packets begin in a pcap file, and the header of each. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const STEP_US = 100;

/** The three frames of the first connection; in the others only the client's address and the time differ. */
function frames() {
  const talk = new Conversation({ client: { ip: "10.0.0.0", port: 20_000 }, step: 10 });
  return talk
    .packet("client", SYN)
    .packet("server", SYN | ACK)
    .packet("client", PSH | ACK, `${REQUEST}\r\n\r\n`).packets;
}

function setClient(bytes: Uint8Array, at: number, index: number): void {
  for (let octet = 1; octet < 4; octet++) bytes[at + octet] = index >> (8 * (3 - octet));
}

/** Calls `take` for each packet; its octets are lent. */
export function eachPacket(flows: number, take: (time: number, bytes: Uint8Array) => void): void {
  const made = frames();
  for (let index = 0; index < flows; index++) {
    made.forEach(({ time, bytes }, place) => {
      setClient(bytes, place === 1 ? RECEIVER : SENDER, index);
      take(time + index * STEP_US, bytes);
    });
  }
}

/** The same as a pcap file. */
export function manyFlowsFile(flows: number): Uint8Array {
  const first = pcapFile(frames()).slice(FILE_HEADER);
  const file = new Uint8Array(FILE_HEADER + flows * first.length);
  file.set(pcapFile([]));
  const view = new DataView(file.buffer);
  let at = FILE_HEADER;
  eachPacket(flows, (time, bytes) => {
    view.setUint32(at, Math.floor(time / 1e6), true);
    view.setUint32(at + 4, time % 1e6, true);
    view.setUint32(at + 8, bytes.length, true);
    view.setUint32(at + 12, bytes.length, true);
    file.set(bytes, at + RECORD_HEADER);
    at += RECORD_HEADER + bytes.length;
  });
  return file;
}
