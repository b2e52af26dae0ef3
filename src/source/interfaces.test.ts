import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetworkNamespace, whyNoNamespace } from "../../test/support/network-namespace.ts";
import { EXIT } from "../core/trouble.ts";
import { interfaceIndexes, interfaces, type NetworkInterface, noSuchInterface } from "./interfaces.ts";

const linux = process.platform === "linux";

test.skipIf(!linux)("loopback is there, with its addresses (needs Linux)", () => {
  const loopback = interfaces().find(({ kind }) => kind === "loopback");
  expect(loopback).toMatchObject({ name: "lo", index: 1, link_type: "Ethernet", mac: null, state: "unknown" });
  expect(loopback?.addresses).toContain("127.0.0.1/8");
  expect(loopback?.mtu_bytes).toBeGreaterThan(0);
  expect(loopback?.received_bytes).toBeGreaterThanOrEqual(0);
});

test.skipIf(!linux)("indexes lead to names (needs Linux)", () => {
  expect(interfaceIndexes().get(1)).toBe("lo");
});

test("a name that is not there gives exit code 2 and the names that are", () => {
  const trouble = noSuchInterface("eth99");
  expect(trouble.exitCode).toBe(EXIT.usage);
  expect(trouble.message).toContain('"eth99"');
  expect(trouble.hint).toContain("any");
});

const missing = whyNoNamespace();

describe.skipIf(missing)(`kinds of interface${missing ? ` (${missing})` : ""}`, () => {
  let space: NetworkNamespace;
  let found: Map<string, NetworkInterface>;
  beforeAll(() => {
    space = new NetworkNamespace("kinds");
    space.run("ip", "link", "add", "bridge0", "type", "bridge");
    space.run("ip", "tuntap", "add", "mode", "tun", "name", "tunnel0");
    space.run("ip", "tuntap", "add", "mode", "tap", "name", "tap0");
    space.run("ip", "address", "add", "192.0.2.9/24", "dev", "left");
    const module = new URL("interfaces.ts", import.meta.url).href;
    const script = `import(${JSON.stringify(module)}).then((m) => console.log(JSON.stringify(m.interfaces())))`;
    const list: NetworkInterface[] = JSON.parse(space.run(process.execPath, "--no-warnings", "-e", script));
    found = new Map(list.map((one) => [one.name, one]));
  });
  afterAll(() => space.close());

  test.each([
    ["lo", "loopback"],
    ["left", "veth"],
    ["bridge0", "bridge"],
    ["tunnel0", "tun"],
    ["tap0", "tap"],
  ])("%s is %s", (name, kind) => expect(found.get(name)?.kind).toBe(kind));

  test("state, addresses and link type are those of the kernel", () => {
    expect(found.get("left")).toMatchObject({ state: "up", enabled: true, addresses: ["192.0.2.9/24"] });
    expect(found.get("left")?.mac).toMatch(/^[0-9a-f:]{17}$/);
    expect(found.get("bridge0")).toMatchObject({ enabled: false });
    expect(found.get("tunnel0")).toMatchObject({ link_type: "raw IP", mac: null });
  });
});
