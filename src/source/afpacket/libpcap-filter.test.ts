import { createSocket } from "node:dgram";
import { describe, expect, test } from "vitest";
import { ethernet, IPV4, IPV6, ipv4, ipv6, tcp, udp } from "../../../test/support/capture-frames.ts";
import { runFilter } from "../../../test/support/classic-bpf.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { compileExpression, libpcapVersion } from "./libpcap-filter.ts";
import { LiveCapture } from "./live-capture.ts";

const SNAP = 2000;

function troubleOf(action: () => unknown): Trouble {
  try {
    action();
  } catch (error) {
    if (error instanceof Trouble) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const installed = process.platform === "linux" && libpcapVersion() !== null;

test.skipIf(installed)("without libpcap the message says what to install (skipped where it is installed)", () => {
  const trouble = troubleOf(() => compileExpression("tcp", SNAP, "lo"));
  expect(trouble.exitCode).toBe(EXIT.unsupported);
  expect(trouble.hint).toContain("libpcap0.8");
});

describe.skipIf(!installed)(`tcpdump expressions${installed ? "" : " (needs libpcap)"}`, () => {
  test("work on Ethernet, and on other links from the network header on", () => {
    const program = compileExpression("tcp port 8080 and host 10.0.0.1", SNAP, "lo");
    const on = (port: number) => ipv4(6, tcp(40_000, port));
    expect(runFilter(program, { bytes: ethernet(IPV4, on(8080)) })).toBe(SNAP);
    expect(runFilter(program, { bytes: ethernet(IPV4, on(8081)) })).toBe(0);
    expect(runFilter(program, { bytes: ethernet(IPV4, on(8080)), hardwareType: 772 })).toBe(SNAP);
    const bare = { protocol: IPV4, hardwareType: 65_534, network: 0 };
    expect(runFilter(program, { bytes: on(8080), ...bare })).toBe(SNAP);
    expect(runFilter(program, { bytes: on(8081), ...bare })).toBe(0);
    const front = { bytes: Uint8Array.of(9, 9, 9, 9, ...on(8080)), protocol: IPV4, hardwareType: 778, network: 4 };
    expect(runFilter(program, front)).toBe(SNAP);
  });

  test("of IPv6 and UDP work too", () => {
    const program = compileExpression("udp and ip6", SNAP, "lo");
    expect(runFilter(program, { bytes: ethernet(IPV6, ipv6(17, udp(1, 2))) })).toBe(SNAP);
    expect(runFilter(program, { bytes: ethernet(IPV4, ipv4(17, udp(1, 2))) })).toBe(0);
    const bare = { bytes: ipv6(17, udp(1, 2)), protocol: IPV6, hardwareType: 65_534 };
    expect(runFilter(program, bare)).toBe(SNAP);
  });

  test("about Ethernet addresses let nothing pass where there are none", () => {
    const program = compileExpression("ether host 02:00:00:00:00:01", SNAP, "lo");
    expect(runFilter(program, { bytes: ethernet(IPV4, ipv4(6, tcp(1, 2))) })).toBe(SNAP);
    expect(runFilter(program, { bytes: ipv4(6, tcp(1, 2)), hardwareType: 65_534 })).toBe(0);
  });

  test.each([
    ["tcp port", /syntax error/],
    ["(", /syntax error/],
    ["port notaport", /unknown port/],
    ["host 1.2.3.4.5", /./],
  ])("%j is refused in one line with libpcap's own words", (expression, words) => {
    const trouble = troubleOf(() => compileExpression(expression, SNAP, "lo"));
    expect(trouble.exitCode).toBe(EXIT.usage);
    expect(trouble.message).toMatch(words);
    expect(trouble.message).toContain(expression);
    expect(trouble.message).not.toContain("\n");
  });
});

const live = installed && process.geteuid?.() === 0;

describe.skipIf(!live)(`tcpdump expressions on a live capture${live ? "" : " (needs libpcap and root)"}`, () => {
  test.each([["lo"], ["any"]])("on %s", async (name) => {
    const counted = async (expression: string, ports?: readonly { from: number; to: number }[]) => {
      let count = 0;
      const handler = { interfaceOpened() {}, packet: () => void count++ };
      const capture = new LiveCapture(handler, { interfaces: [name], expression, ports, bufferBytes: 8 << 20 });
      const sender = createSocket("udp4");
      for (const port of [47_001, 47_001, 47_002]) {
        await new Promise((resolve) => sender.send("x", port, "127.0.0.1", resolve));
      }
      sender.close();
      await capture.stop();
      return count;
    };
    expect(await counted("udp port 47001 and host 127.0.0.1")).toBe(2);
    expect(await counted("udp dst portrange 47001-47002")).toBe(3);
    expect(await counted("(udp port 47001 and host 127.0.0.1) or vlan 4000")).toBe(2);
    expect(await counted("udp port 47001", [{ from: 80, to: 80 }])).toBe(0);
  });

  test("vlan looks for the tag that the kernel took out", () => {
    const program = compileExpression("vlan 7", SNAP, "lo");
    // libpcap asks the kernel for the tag only when it compiles for a live interface
    expect(program.some(({ k }) => k === 0xfffff000 + 48 || k === 0xfffff000 + 44)).toBe(true);
  });
});
