import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { TraceeFormat, type TraceeFormatOptions } from "./format.ts";
import { canonicalName } from "./go-http.ts";
import { compileSelection } from "./select.ts";

const EVERYTHING = compileSelection({ events: ["net_packet_http*"], scope: [] });

function lines(event: ReturnType<typeof transaction>, options: Partial<TraceeFormatOptions> = {}): readonly string[] {
  const selection = EVERYTHING;
  return new TraceeFormat({
    format: "legacy",
    hostName: "",
    policies: [],
    extra: false,
    selection,
    ...options,
  }).format(event);
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is what the test is about
const parsed = (...given: Parameters<typeof lines>): any[] => lines(...given).map((line) => JSON.parse(line));

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
  time_us: 1_696_255_674_450_496,
  flow: { client: { ip: "192.168.1.201", port: 45186 }, server: { ip: "142.250.184.110", port: 80 } },
  request: {
    method: "GET",
    target: "/",
    host: "google.com",
    path: "/",
    query: null,
    fields: [
      ["Host", "google.com"],
      ["User-Agent", "curl/7.68.0"],
      ["Accept", "*/*"],
    ],
  },
  response: {
    status: 301,
    reason: "Moved Permanently",
    fields: [
      ["Location", "http://www.google.com/"],
      ["Content-Length", "219"],
    ],
  },
  bytes: { in_first_packet: 126, out_first_packet: 700 },
  process: { client: CURL },
});

describe("legacy envelope", () => {
  test("the request, byte for byte in Go's order", () => {
    const [, request] = lines(GOOGLE, { hostName: "rugged" });
    expect(request).toBe(
      '{"timestamp":1696255674450496000,"threadStartTime":1696249856019516000,"processorId":0,' +
        '"processId":1014858,"cgroupId":0,"threadId":1014989,"parentProcessId":1729,' +
        '"hostProcessId":1014858,"hostThreadId":1014989,"hostParentProcessId":1729,' +
        '"userId":1000,"mountNamespace":4026531841,"pidNamespace":4026531836,' +
        '"processName":"curl","executable":{"path":"/usr/bin/curl"},"hostName":"rugged",' +
        '"containerId":"","container":{},"kubernetes":{},' +
        '"eventId":"2010","eventName":"net_packet_http_request","matchedPolicies":[""],' +
        '"argsNum":2,"returnValue":0,"syscall":"","stackAddresses":[0],' +
        '"contextFlags":{"containerStarted":false,"isCompat":false},' +
        '"threadEntityId":0,"processEntityId":0,"parentEntityId":0,' +
        '"args":[' +
        '{"name":"metadata","type":"trace.PktMeta","value":{"src_ip":"192.168.1.201","dst_ip":"142.250.184.110","src_port":45186,"dst_port":80,"protocol":6,"packet_len":126,"iface":"any"}},' +
        '{"name":"http_request","type":"trace.ProtoHTTPRequest","value":{"method":"GET","protocol":"HTTP/1.1","host":"google.com","uri_path":"/","headers":{"Accept":["*/*"],"User-Agent":["curl/7.68.0"]},"content_length":0}}' +
        "]}",
    );
  });

  test("the response and both general events", () => {
    const [general, , generalResponse, response] = parsed(GOOGLE);
    expect(general.eventId).toBe("2009");
    expect(general.argsNum).toBe(6);
    expect(general.args.map((arg: { name: string; type: string }) => `${arg.name}:${arg.type}`)).toEqual([
      ...["src:", "dst:", "src_port:", "dst_port:", "metadata:trace.PacketMetadata", "proto_http:trace.ProtoHTTP"],
    ]);
    expect(general.args[4].value).toEqual({ direction: 2 });
    expect(Object.entries(general.args[5].value)).toEqual([
      ["direction", "request"],
      ["method", "GET"],
      ["protocol", "HTTP/1.1"],
      ["host", "google.com"],
      ["uri_path", "/"],
      ["status", ""],
      ["status_code", 0],
      ["headers", { Accept: ["*/*"], "User-Agent": ["curl/7.68.0"] }],
      ["content_length", 0],
    ]);
    expect(generalResponse.args.slice(0, 5).map((arg: { value: unknown }) => arg.value)).toEqual([
      ...["142.250.184.110", "192.168.1.201", 80, 45186, { direction: 1 }],
    ]);
    expect(response.eventId).toBe("2011");
    expect(String(response.timestamp)).toBe("1696255674452496000");
    expect(Object.entries(response.args[1].value)).toEqual([
      ["status", "301 Moved Permanently"],
      ["status_code", 301],
      ["protocol", "HTTP/1.1"],
      ["headers", { "Content-Length": ["219"], Location: ["http://www.google.com/"] }],
      ["content_length", 219],
    ]);
    expect(response.args[0].value.packet_len).toBe(700);
  });

  test("nobody known: zeros, and no direction", () => {
    const [general, request] = parsed(transaction(), { hostName: "rugged" });
    expect(general.args[4].value).toEqual({ direction: 0 });
    expect([request.processId, request.userId, request.processName, request.hostName]).toEqual([0, 0, "", ""]);
  });

  test("a server's process, in a container of a pod: the request comes in; numbers inside are not known", () => {
    const server: ProcessInfo = {
      ...CURL,
      container: { id: "abc", runtime: "docker", name: "web", image: "nginx" },
      pod: { uid: "u", name: "p", namespace: "n" },
    };
    const [general, request] = parsed(transaction({ process: { server } }), { hostName: "rugged" });
    expect(general.args[4].value).toEqual({ direction: 1 });
    expect([request.processId, request.hostProcessId, request.hostName]).toEqual([0, 1014858, ""]);
    expect(request.container).toEqual({ id: "abc", name: "web", image: "nginx" });
    expect(request.kubernetes).toEqual({ podName: "p", podNamespace: "n", podUID: "u" });
    expect(request.contextFlags.containerStarted).toBe(true);
  });

  test("text is escaped as Go does, and order survives names that are numbers", () => {
    const [, request] = lines(
      transaction({
        request: {
          path: "/<&>",
          fields: [
            ["2", "b"],
            ["1a", "c"],
            ["__proto__", "d"],
          ],
        },
      }),
    );
    expect(request).toContain('"uri_path":"/\\u003c\\u0026\\u003e"');
    expect(request).toContain('"headers":{"1a":["c"],"2":["b"],"__proto__":["d"]}');
  });
});

describe("v1beta1 envelope", () => {
  test("the request, byte for byte", () => {
    const [, request] = lines(GOOGLE, { format: "v1beta1", policies: ["p1"] });
    expect(request).toBe(
      '{"timestamp":"2023-10-02T14:07:54.450496Z","id":2010,"name":"net_packet_http_request","policies":{"matched":["p1"]},' +
        '"workload":{"process":{"executable":{"path":"/usr/bin/curl"},"host_pid":1014858,"pid":1014858,"real_user":{"id":1000},' +
        '"thread":{"start_time":"2023-10-02T12:30:56.019516Z","name":"curl","host_tid":1014989,"tid":1014989},' +
        '"ancestors":[{"host_pid":1729,"pid":1729}]}},' +
        '"data":[{"name":"metadata","packet_metadata":{"src_ip":"192.168.1.201","dst_ip":"142.250.184.110","src_port":45186,"dst_port":80,"protocol":6,"packet_len":126,"iface":"any"}},' +
        '{"name":"http_request","http_request":{"method":"GET","protocol":"HTTP/1.1","host":"google.com","uri_path":"/","headers":{"Accept":{"header":["*/*"]},"User-Agent":{"header":["curl/7.68.0"]}}}}]}',
    );
  });

  test("the general event and the response", () => {
    const [general, , , response] = parsed(GOOGLE, { format: "v1beta1" });
    expect(general.data.map((one: object) => Object.keys(one)[1])).toEqual([
      "str",
      "str",
      "u_int32",
      "u_int32",
      "str",
      "http",
    ]);
    expect(general.data[4].str).toBe("egress");
    expect(response.data[1].http_response).toEqual({
      status: "301 Moved Permanently",
      status_code: 301,
      protocol: "HTTP/1.1",
      headers: { "Content-Length": { header: ["219"] }, Location: { header: ["http://www.google.com/"] } },
      content_length: "219",
    });
  });

  test("time without zeros at its end; container and pod; root is a user", () => {
    const client: ProcessInfo = {
      ...CURL,
      uid: 0,
      container: { id: "abc", runtime: null, image: "i" },
      pod: { uid: "u", name: "p", namespace: "n", labels: { b: "2", a: "1" } },
    };
    const [, request] = parsed(transaction({ time_us: 1_700_000_000_500_000, process: { client } }), {
      format: "v1beta1",
    });
    expect(request.timestamp).toBe("2023-11-14T22:13:20.5Z");
    expect(request.workload.container).toEqual({ id: "abc", image: { name: "i" }, started: true });
    expect(request.workload.k8s).toEqual({
      pod: { name: "p", uid: "u", labels: { a: "1", b: "2" } },
      namespace: { name: "n" },
    });
    expect(request.workload.process).toMatchObject({ host_pid: 1014858, real_user: { id: 0 } });
    expect(request.workload.process.pid).toBeUndefined();
    expect(parsed(transaction({ time_us: 1_700_000_000_000_000 }), { format: "v1beta1" })[1]).toMatchObject({
      timestamp: "2023-11-14T22:13:20Z",
      workload: {},
    });
  });
});

describe("extra fields and table", () => {
  test("what Tracee drops stands under one key at the end", () => {
    for (const format of ["legacy", "v1beta1"] as const) {
      const event = transaction({ anomalies: ["x.y"], response: { trailers: [["T", "v"]] } });
      const [, request, , response] = parsed(event, { format, extra: true });
      expect(Object.keys(request).at(-1)).toBe("earshot");
      expect(request.earshot).toEqual({
        ...{ id: "1.1", flow: 1, depth: 1, outcome: "complete", target: "/shop/item?id=7", query: "id=7" },
        ...{ body_bytes: 0, trailers: [], anomalies: ["x.y"] },
      });
      expect(response.earshot).toMatchObject({ ttfb_ms: 2, total_ms: 3, body_bytes: 500, trailers: [["T", "v"]] });
    }
  });

  test("table", () => {
    const options = { format: "table", selection: compileSelection({ events: [], scope: [] }) } as const;
    const format = new TraceeFormat({ hostName: "", policies: [], extra: false, ...options });
    expect(format.header()).toBe(
      "TIME             UID    COMM             PID     TID     EVENT                     ARGS",
    );
    expect(format.format(GOOGLE)).toEqual([
      "14:07:54:450496  1000   curl             1014858 1014989 net_packet_http_request   metadata: {192.168.1.201 142.250.184.110 45186 80 6 126 any}, http_request: {GET HTTP/1.1 google.com / map[Accept:[*/*] User-Agent:[curl/7.68.0]] 0}",
      "14:07:54:452496  1000   curl             1014858 1014989 net_packet_http_response  metadata: {142.250.184.110 192.168.1.201 80 45186 6 700 any}, http_response: {301 Moved Permanently 301 HTTP/1.1 map[Content-Length:[219] Location:[http://www.google.com/]] 219}",
    ]);
    const hostile = lines(transaction({ request: { path: "/\u001b[2J\n" } }), options);
    expect(hostile[0]).not.toMatch(/[\u0000-\u001f]/);
  });
});
test("names and values of a header cannot break the JSON", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("legacy", "v1beta1"), (text, format) => {
      const event = transaction({
        request: { fields: [[text, text]], path: text.replaceAll("%", "") },
        anomalies: [text],
      });
      const [, request] = parsed(event, { format: format as "legacy", extra: true });
      const http = format === "legacy" ? request.args[1].value : request.data[1].http_request;
      const name = canonicalName(text);
      if (name === "Host" || name === "Transfer-Encoding" || name === "__proto__") return;
      const shown = http.headers[name];
      expect(format === "legacy" ? shown : shown.header).toEqual([text]);
      expect(request.earshot.anomalies).toEqual([text]);
    }),
  );
});
