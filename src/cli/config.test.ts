/** The configuration: which file, what wins, and mistakes with their places. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, test } from "vitest";
import { TextOut } from "../../test/support/report-options.ts";
import { troubleOf } from "../../test/support/trouble-of.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { loadSettings } from "./config.ts";
import { applySettings } from "./config-apply.ts";
import { checkConfig, initConfig, showConfig, showConfigPath } from "./config-command.ts";
import { findConfigFile, type Surroundings } from "./config-file.ts";
import { lineOf } from "./config-lines.ts";
import { settingsList, timeText } from "./config-reference.ts";
import { configTemplate, withReference } from "./config-template.ts";
import { addRunOptions } from "./run-options.ts";

const root = mkdtempSync(join(tmpdir(), "earshot-config-"));
afterAll(() => rmSync(root, { recursive: true }));

let places = 0;
function around(environment: Record<string, string> = {}): Surroundings & { readonly folder: string } {
  const folder = join(root, String(++places));
  mkdirSync(join(folder, "etc", "earshot"), { recursive: true });
  return { folder, environment, system: join(folder, "etc") };
}

function written(text: string, environment: Record<string, string> = {}) {
  const place = around(environment);
  writeFileSync(join(place.folder, "earshot.toml"), text);
  return place;
}

describe("which file", () => {
  test("named, by the environment, here, of the user, of the system", () => {
    const place = around({ XDG_CONFIG_HOME: "" });
    const home = join(place.folder, "home");
    const all: [string, string][] = [
      ["system", join(place.folder, "etc", "earshot", "earshot.toml")],
      ["user", join(home, ".config", "earshot", "earshot.toml")],
      ["here", join(place.folder, "earshot.toml")],
    ];
    const inside = { ...place, environment: { HOME: home } as Record<string, string> };
    expect(findConfigFile(undefined, inside)).toBeNull();
    for (const [, path] of all) {
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, "");
      expect(findConfigFile(undefined, inside)).toBe(path);
    }
    const other = join(place.folder, "other.toml");
    writeFileSync(other, "");
    expect(findConfigFile(undefined, { ...inside, environment: { EARSHOT_CONFIG: "other.toml" } })).toBe(other);
    const flag = findConfigFile("earshot.toml", { ...inside, environment: { EARSHOT_CONFIG: "other.toml" } });
    expect(flag).toBe(all[2][1]);
    expect(findConfigFile("none", inside)).toBeNull();
    expect(troubleOf(() => findConfigFile("gone.toml", inside)).exitCode).toBe(EXIT.badFile);
  });

  test("a file here that everyone can write is not read", () => {
    const place = written("");
    chmodSync(join(place.folder, "earshot.toml"), 0o666);
    const trouble = troubleOf(() => loadSettings(undefined, place));
    expect(trouble).toMatchObject({ exitCode: EXIT.permission, message: expect.stringContaining("by everyone") });
    expect(loadSettings("earshot.toml", place).settings.path).not.toBeNull();
  });
});

describe("what wins", () => {
  const text = `
    [statistics]
    max_top_hits = 3
    max_str_length = 100
    [capture]
    interfaces = ["eth0"]
    ports = [80, "8000-8100"]
    [output]
    min_latency = "1.5s"
    max_body_size = "4kB"
    filter = ["status == 200"]
    outputs = ["json"]`;

  test("environment over file over preset", () => {
    const { settings } = loadSettings(
      undefined,
      written(text, {
        EARSHOT_STATISTICS_MAX_TOP_HITS: "7",
        EARSHOT_CAPTURE_INTERFACES: "lo, eth1",
        EARSHOT_CAPTURE_PROMISCUOUS: "yes",
        EARSHOT_STATISTICS_MAX_RETENTION_LENGTH: "3600",
      }),
    );
    expect(settings.statistics).toMatchObject({ max_top_hits: 7, max_str_length: 100, max_keys: 10_000 });
    expect(settings.statistics.max_retention_length).toBe(3_600_000_000);
    expect(settings.capture).toMatchObject({
      interfaces: ["lo", "eth1"],
      ports: ["80", "8000-8100"],
      promiscuous: true,
    });
    expect(settings.output).toMatchObject({ min_latency: 1_500, max_body_size: 4_000, color: true });
    expect(settings.origins.get("statistics.max_top_hits")).toBe("environment");
    expect(settings.origins.get("statistics.max_str_length")).toBe("file");
    expect(settings.origins.has("statistics.max_keys")).toBe(false);
  });

  function options(name: string, args: string[]): Record<string, unknown> {
    const command = addRunOptions(new Command(name))
      .argument("[file...]")
      .option("-i, --interface <name>", "", (one: string) => [one])
      .option("-p, --port <port>", "", (one: string) => [one]);
    command.parse(args, { from: "user" });
    applySettings(command, loadSettings(undefined, written(text)).settings);
    return command.opts();
  }

  test("a flag over all; presets where nothing is said", () => {
    expect(options("watch", ["-i", "lo"])).toMatchObject({
      ...{ interface: ["lo"], port: ["80", "8000-8100"], minLatency: 1_500, filter: ["status == 200"] },
      ...{ output: ["json"], captureRequest: true },
    });
    expect(options("watch", ["--filter", "method == GET", "--min-latency", "5"])).toMatchObject({
      ...{ filter: ["method == GET"], minLatency: 5 },
    });
  });

  test("files are not captured; other commands have outputs of their own", () => {
    const ofFile = options("read", ["a.pcap"]);
    expect(ofFile.interface).toBeUndefined();
    expect(ofFile.output).toEqual(["json"]);
    expect(options("top", []).output).toBeUndefined();
  });
});

describe("mistakes", () => {
  test.each([
    ["[capture]\n\nsnaplne = 1", "line 3: there is no setting `capture.snaplne` (did you mean `snaplen`?)"],
    ["[captrue]\n", "line 1: there is no setting `captrue` (did you mean `capture`?)"],
    ["capture.snaplen = 1", "line 1: capture.snaplen: "],
    ["[capture]\nattribution = 'bpf'", "line 2: capture.attribution: expected one of"],
    ["[capture]\nports = [80, 'x']", 'line 2: capture.ports[2]: expected ports such as 80 or "8000-8100"'],
    ["[statistics]\nmax_top_hits = 'many'", "line 2: statistics.max_top_hits: expected whole number, 1 to 10000"],
    ["[statistics]\nmax_retention_length = '3 parsecs'", "line 2: statistics.max_retention_length: expected a length"],
    ["[output]\nmax_body_size = 'big'", "line 2: output.max_body_size: expected a size such as"],
    ["a = [\n1\nb = 2", "line 3, column"],
    ["a = 1\na = 2", "line 2, column"],
    ["[filters]\nok = 'status == 1'\nbad = 'staus == 1'", "line 3: filter @bad, column 1: there is no field staus"],
    ["[filters]\na = '@b'\nb = '@a'", "line "],
    [
      "[[alerts.rules]]\nkind='baseline'\nname='a'\n[[alerts.rules]]\nkind='baseline'\nname='b'\nwindw='1m'",
      "line 7: there is no setting `alerts.rules[2].windw` (did you mean `window`?)",
    ],
    ["[[alerts.rules]]\nkind='basline'\nname='a'", "line 2: alerts.rules[1].kind"],
    ["[[notify]]\nkind='webhook'\nurl='ftp://x'", "line 3: notify[1].url: expected an http://"],
    ["[redact]\ndeny = ['a b']", "line 2: redact.deny[1]: use a name"],
    ["plugins = 'a.ts'", "line 1: plugins: expected list: texts"],
  ])("%j", (text, message) => {
    const place = written(text);
    const trouble = troubleOf(() => loadSettings(undefined, place));
    expect(trouble.message).toContain(`${join(place.folder, "earshot.toml")}, ${message}`);
    expect(trouble.exitCode).toBe(EXIT.usage);
  });

  test("of the environment are told by the variable; slips are told, other names are not", () => {
    const trouble = troubleOf(() => loadSettings(undefined, around({ EARSHOT_CAPTURE_SNAPLEN: "big" })));
    expect(trouble.message).toBe(
      "environment, EARSHOT_CAPTURE_SNAPLEN: capture.snaplen: expected whole number, 64 to 262144",
    );
    const environment = { EARSHOT_CAPTURE_SNAPLEM: "1", EARSHOT_SERVICE_HOST: "10.0.0.1", EARSHOT_DEBUG: "1" };
    expect(loadSettings(undefined, around(environment)).notices).toEqual([
      "environment: EARSHOT_CAPTURE_SNAPLEM is no setting (did you mean EARSHOT_CAPTURE_SNAPLEN?)",
    ]);
  });

  test("all of them at once", () => {
    const { message } = troubleOf(() => loadSettings(undefined, written("[capture]\nx = 1\nsnaplen = 'a'\n[foo]\n")));
    expect(message.split("\n")).toHaveLength(3);
  });
});

test("lines of settings in TOML as people write it", () => {
  const text = `# [capture]
title = """
[capture]
snaplen = 3
"""
[ capture ] # here
"snaplen" = 5
list = [
  "a = 1",
  "]",
]
x.y = { z = 1 }
[[rules]]
a = 1
[rules.inner]
b = 2
[[rules]]
a = '#['
`;
  expect(lineOf(text, ["capture"])).toBe(6);
  expect(lineOf(text, ["capture", "snaplen"])).toBe(7);
  expect(lineOf(text, ["capture", "list", 1])).toBe(8);
  expect(lineOf(text, ["capture", "x", "y", "z"])).toBe(12);
  expect(lineOf(text, ["rules", 0, "a"])).toBe(14);
  expect(lineOf(text, ["rules", 0, "inner", "b"])).toBe(16);
  expect(lineOf(text, ["rules", 1, "a"])).toBe(18);
  expect(lineOf(text, ["rules", 2])).toBeNull();
});

describe("commands", () => {
  test("init writes what check finds right; not over a file", async () => {
    const place = around();
    const path = join(place.folder, "new.toml");
    initConfig(path, {}, new TextOut());
    expect(troubleOf(() => initConfig(path, {}, new TextOut())).message).toContain("already there");
    initConfig(path, { force: true }, new TextOut());
    const out = new TextOut();
    await checkConfig(path, {}, out, place);
    expect(out.text).toContain("right (0 set)");
  });

  test("every setting of the template is right when its # is taken away", () => {
    const text = configTemplate()
      .replace(/^# ([a-z_]+ = )(?!…)/gm, "$1")
      .replace(/^(kind|name|url|slow|bad) = .*\n/gm, "");
    expect(text).toContain("\nmax_top_hits = 10\n");
    expect(loadSettings(undefined, written(text)).settings.statistics.max_top_hits).toBe(10);
  });

  test("show: what holds and whence; secrets are not shown", () => {
    const place = written(
      `[redact]\nhash_key = "swordfish"\n[[notify]]\nkind = "slack"\nurl = "https://hooks.example/T0/B0/swordfish"\n`,
      { EARSHOT_CAPTURE_SNAPLEN: "96" },
    );
    const out = new TextOut();
    showConfig({}, out, place);
    expect(out.text).toContain("capture.snaplen = 96  # environment");
    expect(out.text).toContain('redact.hash_key = "[REDACTED]"  # file');
    expect(out.text).toContain('statistics.max_retention_length = "1d"  # preset');
    expect(out.text).toContain("https://hooks.example/[REDACTED]");
    expect(out.text).not.toContain("swordfish");
    const json = new TextOut();
    showConfig({ output: "json" }, json, place);
    const rows = json.lines.map((line) => JSON.parse(line));
    expect(rows).toContainEqual({ setting: "capture.snaplen", value: 96, origin: "environment" });
    expect(json.text).not.toContain("swordfish");
  });

  test("check finds what only running would: outputs, filters, rules, plug-ins", async () => {
    for (const [text, message] of [
      ["[output]\noutputs = ['jsn']", "no output is called `jsn`"],
      ["[output]\nfilter = ['a ==']", "output.filter"],
      ["[[alerts.rules]]\nkind='baseline'\nname='a'\nscope='staus == 1'", "there is no field staus"],
      ["[[notify]]\nkind='console'\nfilter='x =='", "notify"],
      ["plugins = ['gone.ts']", "plug-in gone.ts: no such file"],
    ]) {
      const failure = await checkConfig(undefined, {}, new TextOut(), written(text)).catch((error) => error);
      expect(failure, text).toBeInstanceOf(Trouble);
      expect(failure.message, text).toContain(message);
    }
  });

  test("path", () => {
    const place = written("");
    const out = new TextOut();
    showConfigPath({}, out, place);
    expect(out.text).toBe(`${join(place.folder, "earshot.toml")}\n`);
  });
});

describe("the reference", () => {
  const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

  test("docs/configuration.md is what the schema says (run scripts/config-reference.mjs)", () => {
    expect(page).toBe(withReference(page));
  });

  test("every setting has a type, every variable is its own", () => {
    const list = settingsList();
    expect(list.length).toBeGreaterThan(100);
    expect(list.filter(({ type }) => type === "" || type.includes("undefined"))).toEqual([]);
    const variables = list.flatMap(({ variable }) => variable ?? []);
    expect(new Set(variables).size).toBe(variables.length);
    expect(
      list.filter(({ path, description }) => /^(capture|output|statistics|dashboard)\./.test(path) && !description),
    ).toEqual([]);
  });

  test("times as people write them", () => {
    expect([0, 200_000, 1e6, 90e6, 7_200e6, 86_400e6].map(timeText)).toEqual(["0s", "0.2s", "1s", "90s", "2h", "1d"]);
  });

  test("the console monitor's names are all there", () => {
    for (const name of ["timeout", "dashboard_bucket_size", "average_bucket_size", "average_threshold"]) {
      expect(page).toContain(`| \`${name}\``);
    }
    for (const name of ["average_learning_duration", "max_str_length", "max_top_hits", "max_retention_length"]) {
      expect(page).toContain(`| \`${name}\``);
    }
  });
});
