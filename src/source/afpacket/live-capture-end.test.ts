/** How a capture ends: in this process, on loopback, with nothing left behind. */
import { createSocket } from "node:dgram";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { PacketHandler, RawPacket } from "../../core/packet.ts";
import { Trouble } from "../../core/trouble.ts";
import { LiveCapture, type LiveCaptureOptions } from "./live-capture.ts";

const SMALL = 8 << 20;
/** A port of a tunnel, so that the filter keeps it, that nobody listens on. */
const PORT = 37_008;

const root = process.platform === "linux" && process.geteuid?.() === 0;

async function sendDatagrams(count: number): Promise<void> {
  const sender = createSocket("udp4");
  for (let index = 0; index < count; index++) {
    await new Promise((resolve) => sender.send("x", PORT, "127.0.0.1", resolve));
  }
  sender.close();
}

/** Only our own datagrams: other tests use loopback at the same time. */
const ours = { interfaces: ["lo"], tunnels: false, udpPorts: [PORT], ports: [{ from: 1, to: 1 }], bufferBytes: SMALL };

function capturing(onPacket: (raw: RawPacket) => void, options: LiveCaptureOptions = ours): LiveCapture {
  const handler: PacketHandler = { interfaceOpened() {}, packet: onPacket };
  return new LiveCapture(handler, options);
}

/** A block that is not full is handed over after its timeout, or later on a busy machine. */
async function drained(capture: LiveCapture, enough: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!enough() && performance.now() < limit) {
    await sleep(10);
    capture.drain();
  }
}

const descriptors = () => readdirSync("/proc/self/fd").length;
const rings = () => readFileSync("/proc/self/maps", "utf8").match(/socket:\[/g)?.length ?? 0;

describe.skipIf(!root)(`the end of a capture${root ? "" : " (needs Linux and root)"}`, () => {
  test("a handler may close it in the middle of a packet", async () => {
    let seen = 0;
    let lent: Uint8Array = new Uint8Array(0);
    const capture = capturing(({ bytes }) => {
      lent = bytes;
      if (++seen === 5) capture.close();
    });
    await sendDatagrams(20);
    await drained(capture, () => seen === 5);
    expect(seen).toBe(5);
    expect(lent.length).toBe(0);
    expect(capture.drain()).toBe(false);
    expect(capture.statistics().packets).toBe(20);
  });

  test("closing and stopping again and in any order does no harm", async () => {
    const one = capturing(() => {});
    one.start();
    one.start();
    const stopped = one.stop();
    one.close();
    one.close();
    await Promise.all([stopped, one.stop()]);
    one.start();
    const two = capturing(() => {});
    await two.stop();
    two.close();
    expect(two.statistics().received).toBe(0);
  });

  test("nothing is left behind by many captures", async () => {
    capturing(() => {}).close();
    const before = [descriptors(), rings()];
    for (let round = 0; round < 30; round++) {
      const capture = capturing(() => {});
      if (round % 2 === 0) capture.start();
      capture.close();
    }
    await expect.poll(() => [descriptors(), rings()], { timeout: 10_000 }).toEqual(before);
  });

  test("nothing is left behind by one that could not be opened", () => {
    const first = capturing(() => {}, { ...ours, fanout: { group: "new" } });
    const before = [descriptors(), rings()];
    // members of a group hear the same interface: this one fails after its ring was made
    const other = { ...ours, interfaces: [], fanout: { group: first.fanoutId } };
    expect(() => capturing(() => {}, other)).toThrow(Trouble);
    expect(() => capturing(() => {}, { ...ours, interfaces: ["lo", "nowhere"] })).toThrow(Trouble);
    expect([descriptors(), rings()]).toEqual(before);
    first.close();
  });

  test("what a handler throws comes out, and the capture goes on", async () => {
    let seen = 0;
    const capture = capturing(() => {
      if (++seen === 1) throw new Error("of a bug");
    });
    await sendDatagrams(1);
    await expect(drained(capture, () => seen > 0)).rejects.toThrow("of a bug");
    await sendDatagrams(3);
    await drained(capture, () => seen === 4);
    expect(capture.drain()).toBe(true);
    expect(seen).toBe(4);
    capture.close();
  });

  test("promises of a handler go on right after it", async () => {
    const delays_ms: number[] = [];
    const capture = capturing(async () => {
      const start = performance.now();
      await null;
      delays_ms.push(performance.now() - start);
    });
    capture.start();
    for (let turn = 0; turn < 5; turn++) {
      await sendDatagrams(1);
      await sleep(30);
    }
    await capture.stop();
    expect(delays_ms.length).toBe(5);
    // each may have been held up by another program
    expect(Math.min(...delays_ms)).toBeLessThan(20);
  });
});
