import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCgroupPath, readCgroups } from "./cgroup-path.ts";

const ID = "0123456789abcdef".repeat(4);
const OTHER = "fedcba9876543210".repeat(4);
const POD = "1a2b3c4d-0001-0002-0003-0123456789ab";
const POD_SYSTEMD = POD.replaceAll("-", "_");

describe("container and pod of a cgroup path", () => {
  test.each([
    [`/docker/${ID}`, ID, "docker", null],
    [`/system.slice/docker-${ID}.scope`, ID, "docker", null],
    [`/docker/${OTHER}/docker/${ID}`, ID, "docker", null],
    [`/../../system.slice/docker-${ID}.scope`, ID, "docker", null],
    [`/system.slice/docker-${ID}.scope/init.scope`, ID, "docker", null],
    [`/kubepods/burstable/pod${POD}/${ID}`, ID, null, POD],
    [`/kubepods/besteffort/pod${ID.slice(0, 32)}/${ID}`, ID, null, ID.slice(0, 32)],
    [`/kubepods.slice/kubepods-pod${POD_SYSTEMD}.slice/cri-containerd-${ID}.scope`, ID, "containerd", POD],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_SYSTEMD}.slice/crio-${ID}.scope`,
      ID,
      "cri-o",
      POD,
    ],
    [`/kubepods-burstable-pod${POD_SYSTEMD}.slice:cri-containerd:${ID}`, ID, "containerd", POD],
    [`/system.slice:docker:${ID}`, ID, "docker", null],
    [`/machine.slice/libpod-${ID}.scope/container`, ID, "podman", null],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`, ID, "podman", null],
    [`/libpod_parent/libpod-${ID}`, ID, "podman", null],
    [`/machine.slice/libpod-conmon-${ID}.scope`, null, null, null],
    [`/kubepods.slice/kubepods-pod${POD_SYSTEMD}.slice/crio-conmon-${ID}.scope`, null, null, POD],
    [`/system.slice/nerdctl-${ID}.scope`, ID, "containerd", null],
    [`/default/${ID}`, ID, null, null],
    // kind: the node is a docker container, the pod inside counts
    [
      `/docker/${OTHER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${POD_SYSTEMD}.slice/cri-containerd-${ID}.scope`,
      ID,
      "containerd",
      POD,
    ],
    ["/system.slice/nginx.service", null, null, null],
    ["/", null, null, null],
    [`/system.slice/docker-${ID.slice(0, 63)}.scope`, null, null, null],
  ])("%s", (path, containerId, runtime, podUid) => {
    const seenFrom = path.startsWith("/..") ? readCgroups(`0::${path}\n`) : readCgroupPath(path);
    expect(seenFrom).toMatchObject({ containerId, runtime, podUid });
  });

  test("v1 and hybrid: the hierarchy that shows the container counts, v2 first", () => {
    const text = `12:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/\n`;
    expect(readCgroups(text)).toEqual({ path: `/docker/${ID}`, containerId: ID, runtime: "docker", podUid: null });
    expect(readCgroups("3:cpu:/a\n1:name=systemd:/user.slice\n0::/user.slice/s.scope\n").path).toBe(
      "/user.slice/s.scope",
    );
    expect(readCgroups("3:cpu:/only\n1:name=systemd:/\n0::/\n").path).toBe("/only");
    expect(readCgroups("").path).toBe("/");
  });

  test("no text makes it throw", () => {
    const piece = fc.constantFrom("/", "docker-", ".scope", ID, "pod", POD, ":", "\n", "..", "kubepods", "libpod-");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        (text) => {
          expect(readCgroups(text).path).toMatch(/^/);
        },
      ),
    );
  });
});
