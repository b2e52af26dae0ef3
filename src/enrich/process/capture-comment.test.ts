import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Flow, UNKNOWN_HALF } from "../../core/flow.ts";
import { INCOMING, OUTGOING, UNKNOWN_DIRECTION } from "../../core/packet.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { ownersComment, parseComment, parseTraceeDescription } from "./capture-comment.ts";
import { CommentTier } from "./comment-tier.ts";
import { nextOwnersComment, ownersOf, publish } from "./flow-owners.ts";

const full: ProcessInfo = {
  pid: 4711,
  tid: 4712,
  ppid: 1,
  comm: "nginx",
  exe: "/usr/sbin/nginx",
  args: ["nginx: worker process", "-g", "two\nlines"],
  uid: 33,
  user: "www-data",
  gid: 33,
  group: "www-data",
  start_time: "2026-01-31T10:20:30.120000Z",
  cgroup: "/system.slice/nginx.service",
  namespaces: { pid: 4026531836, mnt: 4026531841, net: 4026531840 },
  container: { id: "ab".repeat(32), runtime: "docker", name: "web", image: "nginx:1" },
  pod: { uid: "u", name: "web-0", namespace: "shop", labels: { app: "web" } },
};

describe("packet comments", () => {
  test("ptcpdump: process, thread, user, parent, container, pod", () => {
    const comment = [
      "PID: 122868\nCmd: /usr/bin/curl\nArgs: curl -v kernel.example",
      "ThreadId: 122869\nThreadName: resolver",
      "UserId: 1000\nGroupId: 1001",
      "ParentPID: 53229\nParentCmd: /usr/bin/bash\nParentArgs: -bash",
      "ContainerName: web\nContainerId: abc\nContainerImage: nginx:1\nContainerLabels: {}",
      "PodName: web-0\nPodNamespace: shop\nPodUID: u-1\nPodLabels: {}\nPodAnnotations: {}",
    ].join("\n");
    expect(parseComment(comment)).toEqual({
      client: null,
      server: null,
      near: {
        pid: 122868,
        tid: 122869,
        ppid: 53229,
        comm: "resolver",
        exe: "/usr/bin/curl",
        args: ["curl", "-v", "kernel.example"],
        uid: 1000,
        gid: 1001,
        container: { id: "abc", runtime: null, name: "web", image: "nginx:1" },
        pod: { uid: "u-1", name: "web-0", namespace: "shop" },
      },
    });
    expect(parseComment("PID: 5\nCmd: /opt/a-very-long-program-name\nArgs: x y...").near).toEqual({
      pid: 5,
      comm: "a-very-long-pro",
      exe: "/opt/a-very-long-program-name",
      args: ["x", "y"],
      uid: null,
    });
  });

  test("what earshot writes it reads back whole, beside ptcpdump's lines", () => {
    const client = { ...full, pid: 9, comm: "curl" };
    expect(parseComment(ownersComment(client, full)!)).toEqual({ client, server: full, near: null });
    expect(parseComment(ownersComment(null, full)!)).toEqual({ client: null, server: full, near: null });
    expect(ownersComment(null, null)).toBeNull();
    const both = `PID: 9\nCmd: /usr/bin/curl\n${ownersComment(client, full)}`;
    expect(parseComment(both)).toEqual({ client, server: full, near: null });
  });

  test("other comments and hostile ones name nobody", () => {
    for (const comment of ["", "Packet #1", "PID: x", "PID: 0", "earshot: {", 'earshot: {"client":{"pid":"1"}}']) {
      expect(parseComment(comment)).toEqual({ client: null, server: null, near: null });
    }
    const piece = fc.constantFrom(
      "PID: ",
      "7",
      "\n",
      "Cmd: ",
      "Args: ",
      "earshot: ",
      "{",
      "}",
      '"client":',
      "...",
      ":",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        (comment) => {
          const { near } = parseComment(comment);
          expect(near === null || near.pid > 0).toBe(true);
        },
      ),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        parseComment(`earshot: ${json}`);
        parseTraceeDescription(json);
      }),
    );
  });
});

describe("Tracee's interface description", () => {
  const description = JSON.stringify({
    version: "1.0",
    container: { id: "abc", name: "web", image: "nginx:1" },
    kubernetes: { podName: "web-0", podNamespace: "shop", podUID: "u-1" },
    hostName: "web",
    processName: "curl",
    process: {
      threadStartTime: 1_700_000_000_123_456_000,
      processId: 7,
      hostProcessId: 4711,
      hostThreadId: 4711,
      hostParentProcessId: 12,
      userId: 0,
      mountNamespace: 4026531841,
      pidNamespace: 4026531842,
      executable: "/usr/bin/curl",
    },
  });
  const traced = {
    pid: 4711,
    tid: 4711,
    ppid: 12,
    comm: "curl",
    exe: "/usr/bin/curl",
    uid: 0,
    start_time: "2023-11-14T22:13:20.123456Z",
    namespaces: { pid: 4026531842, mnt: 4026531841 },
    container: { id: "abc", runtime: null, name: "web", image: "nginx:1" },
    pod: { uid: "u-1", name: "web-0", namespace: "shop" },
  };

  test("process, container and pod; other descriptions are nobody's", () => {
    expect(parseTraceeDescription(description)).toEqual(traced);
    for (const other of ["", "WLAN", "{", "[]", "{}", '{"process":7}', '{"version":"1.0","hostName":"x"}']) {
      expect(parseTraceeDescription(other)).toBeNull();
    }
  });

  test("the end that all flows of the interface share is the process's", () => {
    const tier = new CommentTier((args) => args);
    tier.interfaceOpened({ id: 3, name: "tracee", linkType: 0, description });
    const first = flow("10.0.0.5", "192.0.2.1", 3);
    tier.opened(first);
    tier.used(first);
    publish(first);
    expect([first.clientProcess, first.serverProcess]).toEqual([null, null]);
    const second = flow("192.0.2.2", "10.0.0.5", 3);
    tier.opened(second);
    for (const one of [first, second]) {
      tier.used(one);
      publish(one);
    }
    expect([first.clientProcess, first.serverProcess]).toEqual([traced, null]);
    expect([second.clientProcess, second.serverProcess]).toEqual([null, traced]);
  });
});

describe("which end a comment is about", () => {
  const comment = "PID: 5\nCmd: /bin/a\nArgs: a --secret";
  test.each([
    [OUTGOING, 0, 0, 5, undefined],
    [OUTGOING, 1, 0, undefined, 5],
    [OUTGOING, 0, 1, undefined, 5],
    [INCOMING, 0, 0, undefined, 5],
    [INCOMING, 1, 0, 5, undefined],
    [INCOMING, 1, 1, undefined, 5],
    [UNKNOWN_DIRECTION, 0, 0, undefined, undefined],
  ] as const)("direction %d, client half %d, from half %d", (direction, clientHalf, from, client, server) => {
    const one = flow("10.0.0.5", "192.0.2.1", 0);
    one.clientHalf = clientHalf;
    new CommentTier(() => ["redacted"]).comment(one, comment, direction, from);
    publish(one);
    expect([one.clientProcess?.pid, one.serverProcess?.pid]).toEqual([client, server]);
    const named = one.clientProcess ?? one.serverProcess;
    if (named) expect(named.args).toEqual(["redacted"]);
  });
});

test("within one host: the client's own packets name it, and the same process is never both ends", () => {
  const tier = new CommentTier((args) => args);
  const curl = "PID: 5\nCmd: /bin/curl";
  const named = (begins: boolean, comments: readonly (readonly [string, 1 | 2, 0 | 1])[]) => {
    const one = flow("127.0.0.1", "127.0.0.1", 0);
    one.clientHalf = begins ? 0 : UNKNOWN_HALF;
    for (const [comment, direction, from] of comments) tier.comment(one, comment, direction, from);
    publish(one);
    return [one.clientProcess?.pid, one.serverProcess?.pid];
  };
  // ptcpdump did not know the server: the client's process stands at the server's packets too
  expect(
    named(true, [
      [curl, OUTGOING, 0],
      [curl, INCOMING, 0],
      [curl, OUTGOING, 1],
    ]),
  ).toEqual([5, undefined]);
  expect(
    named(true, [
      [curl, OUTGOING, 0],
      ["PID: 6\nCmd: /bin/srv", OUTGOING, 1],
    ]),
  ).toEqual([5, 6]);
  expect(
    named(false, [
      [curl, OUTGOING, 1],
      [curl, OUTGOING, 0],
    ]),
  ).toEqual([undefined, undefined]);
});

test("what a flow's owners are is written once, and again when more is known; later lines of one packet change nothing", () => {
  const live = flow("10.0.0.5", "192.0.2.1", 0);
  expect(nextOwnersComment(live)).toBeNull();
  ownersOf(live).ends[0].info = full;
  publish(live);
  const comment = nextOwnersComment(live)!;
  expect(nextOwnersComment(live)).toBeNull();
  const again = flow("10.0.0.5", "192.0.2.1", 0);
  const tier = new CommentTier((args) => args);
  tier.comment(again, comment, OUTGOING, 0);
  tier.comment(again, `PID: ${full.pid}\nCmd: /usr/sbin/nginx`, OUTGOING, 0);
  publish(again);
  expect(again.clientProcess).toEqual(full);
});

function flow(source: string, destination: string, interfaceId: number): Flow {
  const made = new Flow();
  const word = (ip: string) => ip.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
  made.source2 = made.destination2 = 0xffff;
  made.source3 = word(source);
  made.destination3 = word(destination);
  made.clientHalf = 0;
  made.interfaceId = interfaceId;
  return made;
}
