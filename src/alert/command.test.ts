/** What people do to a running engine, and what they see of it. */
import { describe, expect, test } from "vitest";
import { run } from "../../test/support/alert-traffic.ts";
import { MINUTE } from "../core/units.ts";
import { compileFilter } from "../filter/filter.ts";
import { applyAlertCommand } from "./command.ts";
import { AlertEngine } from "./engine.ts";
import { alertListLines, alertShowLines, silenceLines } from "./list.ts";
import { alertConfig } from "./schema.ts";
import { parseState } from "./state.ts";

function firing() {
  const simulation = run({}, { compile: (text) => compileFilter(text).matches });
  simulation.steps(540, () => 20);
  simulation.steps(40, () => 40);
  return simulation;
}

test("acknowledge, silence, unsilence, relearn; each says what it did", () => {
  const { engine, events, steps } = firing();
  const { id } = events[0];
  expect(applyAlertCommand(engine, { do: "ack", id, comment: "deploy" })).toBe(`acknowledged ${id}`);
  const silenced = applyAlertCommand(engine, { do: "silence", filter: 'rule == "requests"', for: "2h" });
  expect(silenced).toMatch(/^silenced rule == "requests" for 2 h \(q-\w+\)$/);
  const [silence] = engine.silences();
  expect(silenceLines(engine.silences(), engine.now ?? 0)).toEqual([
    `${silence.id}  rule == "requests"  for another 2 h`,
  ]);
  steps(30, () => 20);
  expect(events.at(-1)?.labels).toEqual({ acknowledged: "true", silenced: silence.id });
  expect(applyAlertCommand(engine, { do: "unsilence", id: silence.id })).toBe(`removed ${silence.id}`);
  expect(applyAlertCommand(engine, { do: "relearn", rule: "requests" })).toBe("requests learns anew");
  expect(applyAlertCommand(engine, { do: "relearn" })).toBe("all rules learn anew");
});

describe("what cannot be done is told in one line, with exit code 2", () => {
  const { engine } = firing();
  for (const command of [
    null,
    {},
    { do: "reboot" },
    { do: "ack", id: "a-nothing" },
    { do: "silence", filter: "rule ==", for: "1h" },
    { do: "silence", filter: 'rule == "x"', for: "soon" },
    { do: "unsilence", id: "q-nothing" },
    { do: "relearn", rule: "nothing" },
  ])
    test(JSON.stringify(command), () => {
      expect(() => applyAlertCommand(engine, command)).toThrow(
        expect.objectContaining({ name: "Trouble", exitCode: 2 }),
      );
    });
});

test("list and show", () => {
  const { engine, events, time } = firing();
  const lines = alertListLines(engine.alerts(), time());
  expect(lines[0]).toMatch(/^id +state +severity +rule +since +for +summary$/);
  expect(lines[1]).toMatch(/^a-\w+ +firing +\w+ +requests +2024-01-02T01:3\d:\d\dZ +\d m.* +HIGH requests: /);
  expect(alertListLines([], time())).toEqual(["No alerts."]);
  const shown = alertShowLines(engine.alerts()[0], time()).join("\n");
  expect(shown).toContain(`id            ${events[0].id}`);
  expect(shown).toMatch(/^usual +240 \(spread 15\.49, robust, 30 windows\)$/m);
});

test("a damaged state begins anew and says so", () => {
  const { engine, time } = firing();
  const options = { emit: () => {}, compile: (text: string) => compileFilter(text).matches };
  const good = parseState(JSON.stringify(engine.serialize()));
  expect(AlertEngine.resume(alertConfig(), options, good, time())).toMatchObject({
    resumed: ["requests"],
    broken: false,
  });
  expect(AlertEngine.resume(alertConfig(), options, null, time())).toMatchObject({
    relearned: ["requests"],
    broken: false,
  });
  const bad = JSON.parse(JSON.stringify(engine.serialize()));
  bad.rules[0].state.single.baseline = null;
  const resumed = AlertEngine.resume(alertConfig(), options, bad, time());
  expect(resumed).toMatchObject({ resumed: [], relearned: ["requests"], broken: true });
  resumed.engine.advance(time() + MINUTE);
  expect(resumed.engine.status()[0].state).not.toBe("firing");
});
