import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { installed } from "../../test/support/process-lab.ts";
import { probe } from "./probe.ts";

test("each fact has a name of its own, a line of detail, and a fix only where something is not right", () => {
  const facts = probe();
  expect(new Set(facts.map(({ name }) => name)).size).toBe(facts.length);
  for (const { name, ok, detail, fix } of facts) {
    expect(name).toMatch(/^[a-z-]+(\.[\w-]+)?$/);
    expect(detail).toMatch(/^[^\n]+$/);
    if (ok === true) expect(fix).toBeNull();
    if (ok === false) expect(fix).toMatch(/^[^\n]+$/);
  }
});

test("what the capture needs is among them", () => {
  const names = probe().map(({ name }) => name);
  for (const name of ["kernel", "node", "koffi", "packet-socket", "libpcap", "btf", "bpf-syscall", "disk", "memory"]) {
    expect(names).toContain(name);
  }
});

test("a folder that is not there is no reason to fail", () => {
  const disk = probe("/nowhere/at/all").find(({ name }) => name === "disk");
  expect(disk).toMatchObject({ ok: null });
});

const able = process.platform === "linux" && process.geteuid?.() === 0 && installed("setpriv");

test.skipIf(!able)("without privilege the packet socket is refused, with the way out (needs root and setpriv)", () => {
  const module = fileURLToPath(new URL("probe.ts", import.meta.url));
  const script = `import(${JSON.stringify(module)}).then(({ probe }) => console.log(JSON.stringify(probe())))`;
  const { stdout } = spawnSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "--no-warnings", "-e", script],
    { encoding: "utf8" },
  );
  const facts: ReturnType<typeof probe> = JSON.parse(stdout);
  const socket = facts.find(({ name }) => name === "packet-socket");
  expect(socket?.ok).toBe(false);
  expect(socket?.fix).toContain("setcap cap_net_raw,cap_net_admin+ep");
  expect(facts.find(({ name }) => name === "capability.CAP_NET_RAW")?.ok).toBe(false);
});
