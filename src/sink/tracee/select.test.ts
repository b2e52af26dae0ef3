import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { Trouble } from "../../core/trouble.ts";
import { TraceeFormat } from "./format.ts";
import { compileSelection } from "./select.ts";

const CURL: ProcessInfo = {
  pid: 1014858,
  tid: 1014989,
  ppid: 1729,
  comm: "curl",
  exe: "/usr/bin/curl",
  uid: 1000,
  start_time: "2023-10-02T12:30:56.019516Z",
  namespaces: { mnt: 4026531841, pid: 4026531836 },
};

const GOOGLE = transaction({
  flow: { client: { ip: "192.168.1.201", port: 45186 } },
  request: { host: "google.com", user_agent: "curl/7.68.0", fields: [["User-Agent", "curl/7.68.0"]] },
  response: { status: 301, reason: "Moved Permanently" },
  process: { client: CURL },
});

describe("events and scope", () => {
  const ROOT = transaction({ process: { client: { ...CURL, uid: 0, container: { id: "abcdef", runtime: null } } } });

  function names(events: string[], scope: string[] = [], event = GOOGLE): string[] {
    const selection = compileSelection({ events, scope });
    const format = new TraceeFormat({ format: "legacy", hostName: "", policies: [], extra: false, selection });
    const shown = format.format(event).map((line) => JSON.parse(line));
    return shown.map(
      (one) => one.eventName.replace("net_packet_http", "") + (one.argsNum === 6 ? one.args[5].value.direction : ""),
    );
  }
  const BOTH = ["_request", "_response"];

  test.each([
    [[], BOTH],
    [["net_packet_http"], ["request", "response"]],
    [["net_packet_http_request"], ["_request"]],
    [["-net_packet_http_response"], ["_request"]],
    [["net_packet_http*, -net_packet_http"], BOTH],
    [["tag=network_events"], ["request", "_request", "response", "_response"]],
    [["net_packet_http_request", "-net_packet_http_request"], []],
    [["net_packet_http.data.dst_port=80"], ["request"]],
    [["net_packet_http_request.data.metadata.dst_port=443,80"], ["_request"]],
    [["net_packet_http_request.data.http_request.method=GET"], ["_request"]],
    [["net_packet_http_request.data.http_request.method!=GET"], []],
    [["net_packet_http_request.data.http_request.headers.user-agent=curl*"], ["_request"]],
    [["net_packet_http_request.data.http_request=*GET*"], ["_request"]],
    [["net_packet_http_response.data.http_response.status_code>=300"], ["_response"]],
    [
      [
        "net_packet_http_response.data.http_response.status_code>=300",
        "net_packet_http_response.data.http_response.status_code<301",
      ],
      [],
    ],
    [["event.scope.comm=cu*"], BOTH],
    [["net_packet_http_request.scope.processId<5"], []],
  ] as [string[], string[]][])("--events %j", (events, expected) => {
    expect(names(events)).toEqual(expected);
  });

  test.each([
    [["comm=curl"], BOTH, []],
    [["comm=wget,*url"], BOTH, []],
    [["comm!=curl"], [], []],
    [["comm=curl", "uid=0"], [], []],
    [["uid>=1000"], BOTH, []],
    [["exec=/usr/*"], BOTH, []],
    [["container"], [], []],
    [["not-container"], BOTH, []],
    [["mntns=4026531841"], BOTH, []],
  ] as [string[], string[], string[]][])("--scope %j", (scope, expected, ofNobody) => {
    expect(names([], scope)).toEqual(expected);
    expect(names([], scope, transaction()), "nobody known meets no condition").toEqual(ofNobody);
  });

  test("containers", () => {
    expect(names([], ["container=abcdef", "uid=0"], ROOT)).toEqual(BOTH);
    expect(names([], ["pid=1014858"], ROOT), "the number inside the container is not known").toEqual([]);
  });

  test.each([
    [["net_packet_htp"], [], /did you mean `net_packet_http`/],
    [["net_packet_http_request.data.http_request.verb=GET"], [], /there is no `http_request.verb`/],
    [["net_packet_http_request.method=GET"], [], /no condition/],
    [["net_packet_http.data.dst_port=http"], [], /`http` is not a number/],
    [["net_packet_http.data.src<1"], [], /is for numbers/],
    [[], ["com=curl"], /there is no `com` \(did you mean `comm`/],
    [[], ["curl"], /no condition/],
    [[], ["follow"], /not supported/],
  ] as [string[], string[], RegExp][])("%j %j is a mistake", (events, scope, message) => {
    expect(() => compileSelection({ events, scope })).toThrow(Trouble);
    expect(() => compileSelection({ events, scope })).toThrow(message);
  });
});
