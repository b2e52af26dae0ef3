import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { fakeCri } from "../../../test/support/fake-cri.ts";
import { pathAsked } from "./path-containers.ts";
import type { RuntimeAnswer } from "./runtime-answer.ts";
import { RuntimeNames } from "./runtime-names.ts";

test.each([
  ["/default/shop", { namespace: "default", id: "shop", cgroup: "/default/shop" }],
  ["/", null],
  ["/default", null],
  ["/default/", null],
  ["/default/shop/child", null],
  ["default/shop", null],
  ["/user.slice/user-1000.slice", null],
  ["/system.slice/nginx.service", null],
  ["/machine.slice/x.scope", null],
  ["/a/..", null],
  ["/a/b\n", null],
])("%s", (cgroup, asked) => {
  expect(pathAsked(cgroup)).toEqual(asked);
});

test("a container counts when its own configuration names the path", async () => {
  const folder = mkdtempSync(join(tmpdir(), "earshot-path-"));
  const socket = join(folder, "c.sock");
  const spec = {
    1: "types.containerd.io/opencontainers/runtime-spec/1/Spec",
    2: '{"linux":{"cgroupsPath":"/default/shop"}}',
  };
  const runtime = await fakeCri(socket, {
    "/containerd.services.containers.v1.Containers/Get": (request, headers) => {
      if (request.text(1) !== "shop" && request.text(1) !== "other") return { status: 5 };
      expect(headers["containerd-namespace"]).toBe("default");
      return { 1: { 1: request.text(1), 3: "shop:1.4", 5: spec } };
    },
  });
  const names = new RuntimeNames({ sockets: [socket], root: folder });
  const told: [string, RuntimeAnswer][] = [];
  const tell = (id: string, answer: RuntimeAnswer) => told.push([id, answer]);
  for (const cgroup of ["/default/shop", "/default/other", "/default/none", "/system.slice/x.service"]) {
    names.lookupPath(cgroup, tell);
  }
  await vi.waitFor(() => expect(runtime.called.length).toBe(3));
  const known = ["shop", { runtime: "containerd", image: "shop:1.4" }];
  await vi.waitFor(() => expect(told).toEqual([known]));
  for (const cgroup of ["/default/shop", "/default/other", "/default/none"]) names.lookupPath(cgroup, tell);
  expect(told).toEqual([known, known]);
  await new Promise((done) => setTimeout(done, 50));
  expect(runtime.called.length).toBe(3);
  expect(names.summary).toBeNull();
  names.close();
  await runtime.close();
  rmSync(folder, { recursive: true });
});
