/** Other names are redacted while a run goes on: heads, targets and the table in which answers about names are kept. */
import { expect, test } from "vitest";
import { Conversation } from "../../test/support/capture-builder.ts";
import { PipelineRun } from "../../test/support/pipeline-run.ts";
import { Redactor } from "../redact/redactor.ts";

test("names are hidden from the moment on, and shown again", () => {
  const redactor = new Redactor();
  const run = new PipelineRun({
    redactor: { head: redactor.head, body: (text, type) => redactor.body(text, type) },
    json: true,
  });
  const talk = new Conversation({ acknowledge: false }).open();
  let sent = 0;
  const exchange = () => {
    talk.client("GET /x?colour=blue&page=1 HTTP/1.1\r\nHost: a\r\nX-Colour: green\r\nX-Other: red\r\n\r\n");
    talk.server("HTTP/1.1 204 No\r\n\r\n");
    for (const packet of talk.packets.slice(sent)) run.push(packet);
    sent = talk.packets.length;
    const { request } = run.events.at(-1)!;
    expect(run.jsonLines.at(-1)).toBe(JSON.stringify(run.events.at(-1)));
    return [request!.query, ...request!.fields.slice(1).map(([, value]) => value)];
  };
  const reconfigure = (options: Parameters<Redactor["reconfigure"]>[0]) => {
    redactor.reconfigure(options);
    run.pipeline.redactWith(redactor.head);
  };
  const open = ["colour=blue&page=1", "green", "red"];
  expect(exchange()).toEqual(open);
  reconfigure({ deny: ["field:x-colour", "param:colour"] });
  const hidden = exchange();
  expect(hidden[0]).toMatch(/^colour=<redacted.*>&page=1$/);
  expect(hidden[1]).toMatch(/^<redacted/);
  expect(hidden[2]).toBe("red");
  expect(redactor.event(run.events[0]).request!.query).toMatch(/redacted/);
  reconfigure({});
  expect(exchange()).toEqual(open);
  run.end();
  expect(run.errors).toEqual([]);
});
