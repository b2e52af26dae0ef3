/** The real thing, in a network namespace of its own; each capture runs in a child process. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChildPlan, ChildReport } from "../../../test/support/capture-child.ts";
import { ethernet, IPV4, IPV6, ipv4, ipv6, tcp, udp } from "../../../test/support/capture-frames.ts";
import { NetworkNamespace, whyNoNamespace } from "../../../test/support/network-namespace.ts";
import { INCOMING, OUTGOING } from "../../core/packet.ts";
import { EXIT } from "../../core/trouble.ts";

const CHILD = fileURLToPath(new URL("../../../test/support/capture-child.ts", import.meta.url));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const frameOf = (from: number, to: number, vlans: readonly number[] = []) =>
  hex(ethernet(IPV4, ipv4(6, tcp(from, to, new Uint8Array(30))), vlans));
const WEB = frameOf(40_000, 80);
const OTHER = frameOf(40_000, 8080);
const DNS = hex(ethernet(IPV4, ipv4(17, udp(40_000, 53))));

const [major, minor] = process.versions.node.split(".").map(Number);
const missing = major > 22 || (major === 22 && minor >= 18) ? whyNoNamespace() : "needs Node 22.18";

describe.skipIf(missing)(`live capture${missing ? ` (${missing})` : ""}`, () => {
  let space: NetworkNamespace;
  beforeAll(() => {
    space = new NetworkNamespace("capture");
  });
  afterAll(() => space.close());

  const capture = (plan: ChildPlan): ChildReport =>
    JSON.parse(space.run(process.execPath, "--no-warnings", CHILD, JSON.stringify(plan)));
  const right = { interfaces: ["right"] };
  const send = (...frames: string[]) => ({ do: "frames" as const, device: "left", frames });

  test("every packet that passes the filter is handed over, exactly once", () => {
    const { captures, descriptorsAfter, descriptorsBefore, bytesAfter } = capture({
      captures: [right],
      steps: [{ ...send(WEB, DNS, OTHER), times: 5000 }],
    });
    expect(captures[0].count).toBe(10_000);
    expect(captures[0].statistics).toEqual({ packets: 10_000, drops: 0, freezes: 0, received: 10_000 });
    expect(descriptorsAfter).toBe(descriptorsBefore);
    expect(bytesAfter).toBe(0);
  });

  test("what did not fit into the ring is counted", () => {
    const large = hex(ethernet(IPV4, ipv4(6, tcp(1, 80, new Uint8Array(1400)))));
    const { captures } = capture({
      captures: [{ ...right, bufferBytes: 8 << 20 }],
      steps: [{ ...send(large), times: 8000 }],
      readLate: true,
    });
    const { count, statistics, kernelDropped } = captures[0];
    expect(statistics.packets).toBe(8000);
    expect(statistics.drops).toBeGreaterThan(500);
    expect(count + statistics.drops).toBe(8000);
    expect(kernelDropped).toBe(statistics.drops);
  });

  test("packets come as they were sent, with time, direction and length", () => {
    const before = Date.now() * 1000;
    const { captures } = capture({
      captures: [right, { interfaces: ["left"] }],
      steps: [send(WEB, hex(ethernet(IPV6, ipv6(6, tcp(40_000, 80)))))],
      keep: true,
    });
    const [incoming, outgoing] = captures;
    expect(incoming.interfaces).toEqual([{ id: 0, name: "right", linkType: 1, description: null }]);
    expect(incoming.packets.map((packet) => packet.direction)).toEqual([INCOMING, INCOMING]);
    expect(outgoing.packets.map((packet) => packet.direction)).toEqual([OUTGOING, OUTGOING]);
    expect(incoming.packets[0].hex).toBe(WEB);
    expect(incoming.packets[0].wireLength).toBe(WEB.length / 2);
    expect(incoming.packets[1].hex.slice(24, 28)).toBe("86dd");
    for (const { time_us } of incoming.packets) {
      expect(Number.isInteger(time_us)).toBe(true);
      expect(time_us).toBeGreaterThanOrEqual(before);
      expect(time_us).toBeLessThanOrEqual(Date.now() * 1000);
    }
  });

  test("the VLAN tag that the kernel took out is in the header, further ones are in the packet", () => {
    const { captures } = capture({
      captures: [right, { interfaces: ["left"] }],
      steps: [send(frameOf(1, 80, [7]), frameOf(1, 80, [7, 8]), WEB)],
      keep: true,
    });
    const [received, sent] = captures.map(({ packets }) => packets);
    expect(received.map((packet) => packet.vlanTag)).toEqual([7, 7, -1]);
    expect(received[0].hex.slice(24, 28)).toBe("0800");
    expect(received[1].hex.slice(24, 36)).toBe("810000080800");
    expect(sent.map((packet) => packet.vlanTag)).toEqual([-1, -1, -1]);
    expect(sent[0].hex.slice(24, 36)).toBe("810000070800");
  });

  test("the snap length cuts, and the length on the wire stays known", () => {
    const { captures } = capture({ captures: [{ ...right, snapLength: 64 }], steps: [send(WEB)], keep: true });
    expect(captures[0].packets[0].hex).toBe(WEB.slice(0, 128));
    expect(captures[0].packets[0].wireLength).toBe(WEB.length / 2);
  });

  test("on any, a loopback packet is seen once, and each interface is named", () => {
    const { captures } = capture({
      captures: [{}, { interfaces: ["lo"] }],
      steps: [{ do: "datagrams", to: "127.0.0.1", port: 4789, count: 500 }, send(WEB)],
      keep: true,
    });
    const seenOn = (name: string) => captures[0].packets.filter((packet) => packet.interface === name).length;
    expect([seenOn("lo"), seenOn("left"), seenOn("right")]).toEqual([500, 1, 1]);
    expect(captures[0].interfaces.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(captures[1].count).toBe(500);
  });

  test("several interfaces by name, and no others", () => {
    const { captures } = capture({
      captures: [{ interfaces: ["lo", "right"] }],
      steps: [{ do: "datagrams", to: "127.0.0.1", port: 4789, count: 3 }, send(WEB)],
      keep: true,
    });
    expect(captures[0].packets.map((packet) => packet.interface)).toEqual(["lo", "lo", "lo", "right"]);
  });

  test("ports are chosen in the kernel, alone and together with an expression", () => {
    const ports = [{ from: 80, to: 80 }];
    const { captures } = capture({
      captures: [
        { ...right, ports },
        { ...right, ports: [{ from: 8000, to: 9000 }] },
        { interfaces: [], ports },
      ],
      steps: [{ ...send(WEB, WEB, OTHER), times: 100 }],
    });
    expect(captures.map(({ count }) => count)).toEqual([200, 100, 400]);
  });

  test("packets without an Ethernet header begin with the IP header, and filters work on them", () => {
    const packets = [
      ipv4(6, tcp(40_000, 80)),
      ipv6(6, tcp(40_000, 80)),
      ipv4(17, udp(40_000, 53)),
      ipv4(6, tcp(1, 2)),
    ].map(hex);
    const open = { do: "tun" as const, device: "tun-test", packets: [] };
    const { captures } = capture({
      before: [open],
      captures: [{ interfaces: ["tun-test"] }, { ports: [{ from: 80, to: 80 }] }],
      steps: [{ ...open, packets }],
      keep: true,
    });
    expect(captures[0].packets.map((packet) => packet.hex)).toEqual([packets[0], packets[1], packets[3]]);
    expect(captures[0].packets.every((packet) => packet.linkType === 101)).toBe(true);
    expect(captures[0].interfaces[0]).toMatchObject({ name: "tun-test", linkType: 101 });
    expect(captures[1].packets.map((packet) => packet.hex)).toEqual([packets[0], packets[1]]);
    expect(captures[0].packets[1].wireLength).toBe(packets[1].length / 2);
  });

  test("the capture goes on when an interface goes down and comes up, as fast as before", () => {
    const link = (state: string) => ({ do: "command" as const, command: ["ip", "link", "set", "right", state] });
    const pause = (time_ms: number) => ({ do: "wait" as const, time_ms });
    const spread = Array.from({ length: 12 }, () => [send(WEB), pause(43)]).flat();
    const { captures, cpu_ms } = capture({
      captures: [right],
      steps: [{ ...send(WEB), times: 10 }, pause(50), link("down"), pause(700), link("up"), pause(50), ...spread],
      keep: true,
    });
    expect(captures[0].count).toBe(22);
    // a watch that ended silently would leave packets to the timer, 100 ms later on average
    const delays = captures[0].packets.slice(10).map(({ delay_ms }) => delay_ms);
    expect(delays.sort((a, b) => a - b)[6]).toBeLessThan(60);
    // an error left on the socket would keep the event loop spinning
    expect(cpu_ms).toBeLessThan(250);
  });

  test("what a handler throws reaches the process at once, and the capture goes on", () => {
    const { captures, uncaught } = capture({
      captures: [right],
      steps: [send(WEB), { do: "wait", time_ms: 100 }, send(WEB, WEB), { do: "wait", time_ms: 100 }],
      throwAt: 1,
    });
    expect(uncaught).toEqual(["of a bug"]);
    expect(captures[0].count).toBe(3);
  });

  test("an interface that is deleted and made anew is heard again", () => {
    const pause = { do: "wait" as const, time_ms: 1300 };
    const ip = (...words: string[]) => ({ do: "command" as const, command: ["ip", "link", ...words] });
    const { captures } = capture({
      captures: [right, { interfaces: ["lo", "right"] }],
      steps: [
        { ...send(WEB), times: 10 },
        { do: "wait", time_ms: 50 },
        ip("del", "left"),
        ip("add", "left", "type", "veth", "peer", "name", "right"),
        ip("set", "left", "up"),
        ip("set", "right", "up"),
        pause,
        { ...send(WEB), times: 20 },
      ],
      keep: true,
    });
    expect(captures.map(({ count }) => count)).toEqual([30, 30]);
    expect(captures[0].interfaces.map(({ name }) => name)).toEqual(["right", "right"]);
  });

  test("time goes on when the wire is silent, and never past a packet still to come", () => {
    const { captures } = capture({
      captures: [right],
      steps: [
        { do: "wait", time_ms: 450 },
        ...Array.from({ length: 100 }, () => [send(WEB), { do: "wait" as const, time_ms: 3 }]).flat(),
        { do: "wait", time_ms: 450 },
      ],
      keep: true,
    });
    const { ticks, packets, late } = captures[0];
    expect(packets.length).toBe(100);
    expect(late).toBe(0);
    expect(ticks.length).toBeGreaterThanOrEqual(3);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
    expect(ticks.some((tick) => tick < packets[0].time_us)).toBe(true);
    expect(ticks.some((tick) => tick > packets[0].time_us)).toBe(true);
  });

  test("time goes on while the wire is never silent", () => {
    const steps = Array.from({ length: 300 }, () => [send(WEB), { do: "wait" as const, time_ms: 4 }]).flat();
    const { ticks, packets, late } = capture({ captures: [right], steps, keep: true }).captures[0];
    const [first, last] = [packets[0].time_us, packets.at(-1)!.time_us];
    expect(late).toBe(0);
    expect(ticks.filter((tick) => tick >= first && tick <= last).length).toBeGreaterThanOrEqual(3);
  });

  test("members of a group share the packets, and both directions of a flow go to the same one", () => {
    const flows = Array.from({ length: 200 }, (_, index) => 30_000 + index);
    const { captures } = capture({
      captures: [right, right],
      fanout: true,
      steps: [{ ...send(...flows.flatMap((port) => [frameOf(port, 80), back(port)])), times: 5 }],
      keep: true,
    });
    const [first, second] = captures.map(({ packets }) => new Set(packets.map(flowPort)));
    expect(captures[0].count + captures[1].count).toBe(200 * 2 * 5);
    expect(first.size).toBeGreaterThan(20);
    expect(second.size).toBeGreaterThan(20);
    expect([...first].filter((port) => second.has(port))).toEqual([]);
  });

  test("a user without the privilege gets one line with the commands that help", () => {
    const trouble = JSON.parse(asNobody({ captures: [right], steps: [] })).trouble;
    expect(trouble.exitCode).toBe(EXIT.permission);
    expect(trouble.message).toBe("no permission to capture live traffic");
    expect(trouble.hint).toContain("sudo setcap cap_net_raw,cap_net_admin+ep /");
    expect(trouble.hint).not.toContain("\n");
  });

  function asNobody(plan: ChildPlan): string {
    const setpriv = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    return space.run("setpriv", ...setpriv, process.execPath, "--no-warnings", CHILD, JSON.stringify(plan));
  }
});

/** The same flow as frameOf(port, 80), the other way: addresses and ports change places. */
function back(port: number): string {
  const packet = ipv4(6, tcp(80, port, new Uint8Array(30)));
  const [source, destination] = [packet.slice(12, 16), packet.slice(16, 20)];
  packet.set(destination, 12);
  packet.set(source, 16);
  return hex(ethernet(IPV4, packet));
}

/** The port of a captured flow that is not 80. */
function flowPort({ hex: text }: { readonly hex: string }): number {
  const ports = [Number.parseInt(text.slice(68, 72), 16), Number.parseInt(text.slice(72, 76), 16)];
  return ports.find((port) => port !== 80)!;
}
