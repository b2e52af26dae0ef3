/** Exchanges read as lent events: they say what the plain events say, and nothing is made of them for who only looks. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CORPUS, noCorpus, oracles } from "../../test/support/corpus-oracle.ts";
import { answer, get, http, talk } from "../../test/support/dialogue.ts";
import { concat } from "../../test/support/packet-builder.ts";
import { loadCapture, type PipelineRun, runPackets } from "../../test/support/pipeline-run.ts";
import { AlertEngine } from "../alert/engine.ts";
import { alertConfig } from "../alert/schema.ts";
import type { TransactionEvent } from "../core/event.ts";
import { dimension } from "../stats/dimension.ts";
import { Overview } from "../stats/overview.ts";

const plain = (events: readonly unknown[]) => JSON.parse(JSON.stringify(events)) as unknown[];

function expectSame(run: PipelineRun): void {
  if (run.errors.length > 0) throw run.errors[0];
  expect(plain(run.lent)).toEqual(plain(run.events));
}

test("what lent events say is what plain events say, whatever the heads hold", () => {
  const any = fc.uint8Array({ maxLength: 300 });
  const query = fc.constantFrom("?a=b", "?q=%22\\", '?q="', "");
  const target = fc.constantFrom("/", "http://u:p@other.example/x", "*", "/é/\u0001", "");
  fc.assert(
    fc.property(any, any, query, target, fc.constantFrom("GET", "POST", "CONNECT"), (one, two, q, path, method) => {
      const asked = concat(
        Buffer.from(`${method} ${path}${q} HTTP/1.1\r\nHost: a"\\b\r\nUser-Agent: `, "latin1"),
        one,
        "\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nab",
      );
      const answered = concat("HTTP/1.1 404 ", two, "\r\nX: ", one, "\r\nContent-Length: 2\r\n\r\nab");
      const dialogue = talk().client(asked).server(answered).client(get("/again")).server(answer(200, "x")).close();
      expectSame(dialogue.run({ lent: true, maxBodyBytes: 16 }));
    }),
    { seed: 20260131, numRuns: 300 },
  );
});

test("trailers, upgrades, one half only", () => {
  const chunked = `${http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}1\r\nx\r\n0\r\nT: 1\r\n\r\n`;
  const upgraded = http("HTTP/1.1 101 Switching", "Upgrade: websocket", "Connection: upgrade");
  for (const reply of [chunked, upgraded, ""]) {
    const run = talk().client(get("/x")).server(reply).close().run({ lent: true });
    expectSame(run);
    expect(run.events).toHaveLength(1);
  }
});

describe.skipIf(noCorpus)("over the capture corpus (needs ../shared/corpus)", () => {
  test("every capture says the same", async () => {
    for (const oracle of oracles) {
      const packets = await loadCapture(join(CORPUS, oracle.file));
      const run = runPackets(packets, { lent: true });
      expect(plain(run.lent), oracle.name).toEqual(plain(run.events));
    }
  }, 120_000);
});

describe("who only looks", () => {
  /** A dialogue of exchanges that differ, seen by a listener that keeps nothing. */
  function looked(look: (event: TransactionEvent) => void): { made: number; seen: number } {
    let dialogue = talk();
    for (let index = 0; index < 300; index++)
      dialogue = dialogue.client(get(`/item/${index}`)).server(answer(200, "x"));
    let made = 0;
    let seen = 0;
    dialogue.close().run({
      events: false,
      onPipeline: (pipeline) => {
        const make = pipeline.materializer.event.bind(pipeline.materializer);
        pipeline.materializer.event = (exchange) => {
          made++;
          return make(exchange);
        };
        pipeline.onLook((event) => {
          if (event.type !== "transaction") return;
          seen++;
          look(event);
        });
      },
    });
    return { made, seen };
  }

  test("alert rules have no event made", () => {
    const engine = new AlertEngine(alertConfig({}), { emit: () => {}, clock: "file" });
    expect(looked((event) => engine.observe(event))).toEqual({ made: 0, seen: 300 });
  });

  test("statistics have no event made, and count what they count of plain events", () => {
    const overview = new Overview();
    const [lent, kept] = [overview.create(), overview.create()];
    expect(looked((event) => overview.observe(lent, event))).toEqual({ made: 0, seen: 300 });
    const route = dimension("route");
    let routes = 0;
    let dialogue = talk();
    for (let index = 0; index < 300; index++)
      dialogue = dialogue.client(get(`/item/${index}`)).server(answer(200, "x"));
    for (const event of dialogue.close().run({}).events) {
      overview.observe(kept, event);
      if (route.key(event) === "/item/{number}") routes++;
    }
    expect(overview.report(lent)).toEqual(overview.report(kept));
    expect(routes).toBe(300);
  });
});
