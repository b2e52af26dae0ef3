import { describe, expect, test } from "vitest";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { checkOutputs, parseOutputSpec } from "./spec.ts";

const FILE = { kind: "file", rotate_bytes: null, rotate_age_s: null, keep: null, compress: false };

describe("outputs as written by users", () => {
  test.each([
    ["json", { format: "json", destination: { kind: "stdout" } }],
    ["jsonl-file=a.log", { format: "json", destination: { ...FILE, path: "a.log" } }],
    ["json=-", { format: "json", destination: { kind: "stdout" } }],
    [
      "combined=/x/a=b.log?rotate-size=100MB&rotate-age=1d&keep=7&gzip=yes",
      {
        format: "combined",
        destination: {
          kind: "file",
          path: "/x/a=b.log",
          rotate_bytes: 100_000_000,
          rotate_age_s: 86_400,
          keep: 7,
          compress: true,
        },
      },
    ],
    [
      "tracee=webhook:http://h:8080/in?timeout=5s&x=1",
      {
        format: "tracee",
        destination: {
          kind: "webhook",
          url: "http://h:8080/in?x=1",
          timeout_ms: 5000,
          content_type: "application/json",
          attempts: 3,
        },
      },
    ],
    [
      "tracee=forward:tcp://[::1]:1234?tag=t",
      {
        format: "tracee",
        destination: { kind: "forward", host: "::1", port: 1234, tag: "t", timeout_ms: 10_000, credentials: null },
      },
    ],
    [
      "tracee=forward:tcp://u:p%40@h?shared_key=k",
      {
        format: "tracee",
        destination: {
          ...{ kind: "forward", host: "h", port: 24224, tag: "tracee", timeout_ms: 10_000 },
          credentials: { shared_key: "k", username: "u", password: "p@" },
        },
      },
    ],
    ["template={time} a=b", { format: "template", template: "{time} a=b", destination: { kind: "stdout" } }],
    ["template:x.log={time}", { format: "template", template: "{time}", destination: { ...FILE, path: "x.log" } }],
  ])("%s", (text, expected) => {
    expect(parseOutputSpec(text)).toEqual({ template: null, ...expected });
  });

  test.each([
    ["jsno", /no output is called `jsno` \(did you mean `json`/],
    ["json=", /nothing stands behind/],
    ["json=a?rotate-size=big", /`rotate-size=big` is not understood/],
    ["json=a?rotat=1", /no option is called `rotat`/],
    ["json:x", /unexpected `:`/],
    ["template", /template is missing/],
    ["tracee=webhook:ftp://h/", /not a URL/],
    ["tracee=forward:http://h/", /not a URL/],
  ])("%s is a mistake", (text, message) => {
    try {
      parseOutputSpec(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(Trouble);
      expect((error as Trouble).message).toMatch(message);
      expect((error as Trouble).hint).not.toBe("");
    }
  });

  test("a mistake does not show the secrets beside it", () => {
    expect(() => parseOutputSpec("jsno=webhook:http://u:topsecret@h/?token=topsecret")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("topsecret"), exitCode: EXIT.usage }),
    );
  });

  test("two outputs need two places", () => {
    const specs = (...texts: string[]) => texts.map((text) => parseOutputSpec(text));
    expect(() => checkOutputs(specs("json", "table"))).toThrow("two outputs write to standard output");
    expect(() => checkOutputs(specs("json=a", "csv=a"))).toThrow("two outputs write to a");
    checkOutputs(specs("json", "csv=a", "none", "tracee=webhook:http://h/", "json=webhook:http://h/"));
  });

  test("formats of the caller", () => {
    expect(parseOutputSpec("har=x", ["har"]).format).toBe("har");
  });
});
