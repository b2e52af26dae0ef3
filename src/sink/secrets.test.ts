/** A secret in every place of an event where one can be, looked for in what every output prints. */
import { expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { Redactor } from "../redact/redactor.ts";
import { eventFormat, type FormatSettings } from "./formats.ts";
import { FORMATS, parseOutputSpec } from "./output/spec.ts";
import { compileSelection } from "./tracee/select.ts";

const CANARY = "CANARYsecret0123456789";
const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJ${CANARY}.${CANARY}`;

const FULL_OF_SECRETS = transaction({
  request: {
    target: `http://bob:${CANARY}@h/a;jsessionid=${CANARY}?password=${CANARY}&next=%2F%3Ftoken%3D${CANARY}`,
    host: `bob:${CANARY}@h`,
    path: `/a;jsessionid=${CANARY}`,
    query: `password=${CANARY}&next=%2F%3Ftoken%3D${CANARY}`,
    content_type: "application/json",
    fields: [
      ["Host", "h"],
      ["Authorization", `Bearer ${CANARY}`],
      ["Proxy-Authorization", `Basic ${CANARY}`],
      ["Cookie", `sid=${CANARY}; ${CANARY}`],
      ["X-Api-Key", CANARY],
      ["Referer", `https://bob:${CANARY}@h/?access_token=${CANARY}`],
      ["X-Other", `see ${JWT}`],
    ],
    trailers: [["X-Auth-Token", CANARY]],
    body: { text: `{"password":"${CANARY}","note":"${JWT}"}`, encoding: "utf-8", truncated: false },
  },
  response: {
    fields: [
      ["Set-Cookie", `sid=${CANARY}; Path=/`],
      ["Location", `/cb#id_token=${CANARY}`],
      ["Link", `<https://h/?token=${CANARY}>; rel="next"`],
    ],
    trailers: [["X-Secret", CANARY]],
    body: { text: `secret: ${CANARY}`, encoding: "utf-8", truncated: true },
  },
  process: { client: { pid: 1, comm: "app", uid: 0, args: ["app", `--password=${CANARY}`, "--token", CANARY] } },
  labels: { note: `token=${CANARY}` },
});

const settings = (reveal: boolean): FormatSettings => ({
  reveal,
  tracee: {
    ...{ format: "legacy", hostName: "", policies: [], extra: true },
    selection: compileSelection({ events: ["net_packet_http*"], scope: [] }),
  },
  ig: { captureRequest: true, captureResponse: true, minLatency_ms: 0, fields: null },
});

const TEMPLATE =
  "{request.target} {host} {path} {query} {request.header.authorization} {request.header.cookie} " +
  "{response.header.location} {request.body} {response.body} {client.args} {label.note} {param.password|json}";

const outputs = [
  ...FORMATS.filter((name) => name !== "template").map((name) => parseOutputSpec(name)),
  parseOutputSpec(`template=${TEMPLATE}`),
];

function print(spec: (typeof outputs)[number], reveal: boolean): string {
  const event = new Redactor({ reveal }).event(FULL_OF_SECRETS);
  const format = eventFormat(spec, settings(reveal));
  // json and table are made elsewhere; what they get is this
  if (format === null) return JSON.stringify(event);
  return [format.header?.() ?? "", ...format.format(event)].join("\n");
}

test.each(outputs.map((spec) => [spec.format, spec] as const))("%s shows no secret", (_, spec) => {
  const printed = print(spec, false);
  expect(printed).not.toContain("CANARY");
  expect(printed).not.toContain("bob:C");
});

test.each(outputs.filter((spec) => !spec.format.startsWith("ig-")).map((spec) => [spec.format, spec] as const))(
  "%s shows them with reveal, so that the test above can fail",
  (_, spec) => {
    expect(print(spec, true)).toContain(CANARY);
  },
);

test.each(["common", "combined", "w3c", "csv", "tracee-table", "ig-columns", "ig-yaml", "template={id}"])(
  "%s says in its header that secrets are shown",
  (name) => {
    const spec = parseOutputSpec(name);
    expect(eventFormat(spec, settings(true))?.header?.()).toContain("secrets are shown");
    expect(eventFormat(spec, settings(false))?.header?.() ?? "").not.toContain("secrets");
  },
);

test.each(outputs.filter(({ format }) => /^(?:tracee|ig-)/.test(format)).map((spec) => [spec.format, spec] as const))(
  "%s: text from the wire moves no terminal",
  (_, spec) => {
    const hostile = "\u001b[2J\u009b31m\u202e\u2028";
    const event = transaction({
      request: { path: `/${hostile}`, host: hostile, method: hostile, fields: [[hostile, hostile]] },
    });
    const lines = eventFormat(spec, settings(false))?.format(event).join("").replaceAll("\n", "");
    expect(lines).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
  },
);
