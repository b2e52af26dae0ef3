import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fastest_ms } from "../../test/support/duration.ts";
import { transaction } from "../../test/support/event.ts";
import { Redactor } from "./redactor.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const redactor = new Redactor();

describe("text", () => {
  test.each([
    ["nothing here: a=b, compass=n", "nothing here: a=b, compass=n"],
    [`a ${JWT}.`, `a <redacted:${JWT.length + 1}>`],
    ["password=hunter2 next", "password=<redacted:7> next"],
    ['{"apiKey": "ab\\"c"}', '{"apiKey": "<redacted:5>"}'],
    ['x \\"token\\":\\"abc\\" y', 'x \\"token\\":\\"<redacted:3>\\" y'],
    ["Authorization: Bearer abcdef, other", "Authorization: Bearer <redacted:13>"],
    ["sent bearer AbC123xyz now", "sent bearer <redacted:9> now"],
    ["a basic understanding of it", "a basic understanding of it"],
    ["card 4111 1111 1111 1111 paid", "card <redacted:19> paid"],
    ["card 4111-1111-1111-1112", "card 4111-1111-1111-1112"],
    ["611 833 722 778 667 0 722", "611 833 722 778 667 0 722"],
    ["the basic 2 rules", "the basic 2 rules"],
    ["3782 822463 10005 amex", "<redacted:17> amex"],
    ["at 1700000000000000 us", "at 1700000000000000 us"],
    ["AKIAIOSFODNN7EXAMPLE", "<redacted:20>"],
    ["ghp_0123456789abcdefghijABCDEFGHIJ012345", "<redacted:40>"],
    ["see https://u:p@h/x and //a", "see https://u:<redacted:1>@h/x and //a"],
    [
      "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
      "-----BEGIN RSA PRIVATE KEY-----<redacted:6>-----END RSA PRIVATE KEY-----",
    ],
    ["-----BEGIN PRIVATE KEY-----\nMII", "-----BEGIN PRIVATE KEY-----<redacted:4>"],
    ["-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII"],
    ["<wsse:Password Type='x'>abc</wsse:Password>", "<wsse:Password Type='x'><redacted:3></wsse:Password>"],
    ["<password><![CDATA[a<b]]></password>", "<password><![CDATA[<redacted:3>]]></password>"],
    [
      '<input type="hidden" name="csrf_token" value="abc">',
      '<input type="hidden" name="csrf_token" value="<redacted:3>">',
    ],
    ["spring.datasource.password: abc", "spring.datasource.password: <redacted:3>"],
  ])("%s", (given, expected) => {
    expect(redactor.text(given)).toBe(expected);
    expect(redactor.text(expected), "redacting twice changes nothing").toBe(expected);
  });
});

describe("bodies", () => {
  test.each([
    ["application/json", '{"user":"bob","password":"x\\"y","n":1}', '{"user":"bob","password":"<redacted:4>","n":1}'],
    ["application/json", '{"pin":1234,"ok":true,"secret":null}', '{"pin":"<redacted:4>","ok":true,"secret":null}'],
    [
      "application/json",
      '{"secret":{"a":{"x":1},"b":"y"},"c":"z"}',
      '{"secret":{"a":{"x":"<redacted:1>"},"b":"<redacted:1>"},"c":"z"}',
    ],
    [
      "application/json",
      '{"secrets":{"a":["x",2]},"b":"y"}',
      '{"secrets":{"a":["<redacted:1>","<redacted:1>"]},"b":"y"}',
    ],
    ["application/json", '{"pass\\u0077ord" : "x"}', '{"pass\\u0077ord" : "<redacted:1>"}'],
    ["application/json", '{"password":"cut o', '{"password":"<redacted:5>'],
    ["application/json", '{"card":4111111111111111}', '{"card":"<redacted:16>"}'],
    ["application/json", '{"max_tokens":100,"code":404,"key":"k"}', '{"max_tokens":100,"code":404,"key":"k"}'],
    [
      "application/json",
      '[{"name":"password","value":"x"},{"name":"a","value":"y"}]',
      '[{"name":"password","value":"<redacted:1>"},{"name":"a","value":"y"}]',
    ],
    [null, '{password: "x", b: 1}', '{password: "<redacted:1>", b: 1}'],
    ["application/x-www-form-urlencoded", '{"token":"x"}', '{"token":"<redacted:1>"}'],
    ["application/x-www-form-urlencoded", "user=bob&pass=x%26y&b=1", "user=bob&pass=<redacted:5>&b=1"],
    ["application/x-www-form-urlencoded", "grant_type=a&code=xyz", "grant_type=a&code=<redacted:3>"],
    [null, "client_secret=abc&b=1", "client_secret=<redacted:3>&b=1"],
    ["text/plain", "the password: abc", "the password: <redacted:3>"],
    [
      "multipart/form-data; boundary=XX",
      '--XX\r\nContent-Disposition: form-data; name="password"\r\n\r\nab\r\nc\r\n--XX\r\nContent-Disposition: form-data; name="b"\r\n\r\nplain\r\n--XX--\r\n',
      '--XX\r\nContent-Disposition: form-data; name="password"\r\n\r\n<redacted:5>\r\n--XX\r\nContent-Disposition: form-data; name="b"\r\n\r\nplain\r\n--XX--\r\n',
    ],
  ])("%s %s", (type, given, expected) => {
    expect(redactor.body(given, type)).toBe(expected);
    expect(redactor.body(expected, type), "redacting twice changes nothing").toBe(expected);
  });

  test("what was JSON stays JSON", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => JSON.parse(redactor.body(text, "application/json"))).not.toThrow();
      }),
    );
  });
});

describe("command lines", () => {
  test.each([
    ["app --password=x --user bob", "app --password=<redacted:1> --user bob"],
    ["app --api-key abc --verbose", "app --api-key <redacted:3> --verbose"],
    ["app --token --verbose", "app --token --verbose"],
    ["app -p hunter2", "app -p <redacted:7>"],
    ["docker run -p 80:80 img", "docker run -p 80:80 img"],
    ["app -p 8080", "app -p 8080"],
    ["mkdir -p dir", "mkdir -p dir"],
    ["/usr/bin/mysql -pabc -uroot", "/usr/bin/mysql -p<redacted:3> -uroot"],
    ["curl -u bob:x http://h/?token=a", "curl -u bob:<redacted:1> http://h/?token=<redacted:1>"],
    ["curl --user=bob:x", "curl --user=bob:<redacted:1>"],
    ["curl -ubob:x https://u:p@h/", "curl -ubob:<redacted:1> https://u:<redacted:1>@h/"],
    ["env DB_PASS=abc SECRET_KEY=k PATH=/bin", "env DB_PASS=<redacted:3> SECRET_KEY=<redacted:1> PATH=/bin"],
    ["sshpass -p abc ssh h", "sshpass -p <redacted:3> ssh h"],
    ["redis-cli -a abc", "redis-cli -a <redacted:3>"],
    ["openssl enc -k abc", "openssl enc -k <redacted:3>"],
    ["psql postgres://u:p@h/db", "psql postgres://u:<redacted:1>@h/db"],
  ])("%s", (given, expected) => {
    expect(redactor.arguments(given.split(" ")).join(" ")).toBe(expected);
    expect(redactor.arguments(expected.split(" ")).join(" "), "redacting twice changes nothing").toBe(expected);
  });

  test("fields, data, and commands for a shell", () => {
    expect(redactor.arguments(["curl", "-H", "Authorization: Bearer abc", "-d", '{"token":"x"}'])).toEqual([
      "curl",
      "-H",
      "Authorization: Bearer <redacted:3>",
      "-d",
      '{"token":"<redacted:1>"}',
    ]);
    expect(redactor.arguments(["curl", "-d", "a=1&code=xyz"])).toEqual(["curl", "-d", "a=1&code=<redacted:3>"]);
    expect(redactor.arguments(["sh", "-c", "mysql -pabc  -e 'select 1' && curl -H 'X-Api-Key: abc' h"])).toEqual([
      "sh",
      "-c",
      "mysql -p<redacted:3>  -e 'select 1' && curl -H X-Api-Key: <redacted:3> h",
    ]);
  });
});

describe("laws", () => {
  const places: Readonly<Record<string, (canary: string) => string>> = {
    "a text": (canary) => redactor.text(`token: ${canary}`),
    "JSON in a text": (canary) => redactor.text(`got {"a":{"client_secret":"${canary}"}}`),
    JSON: (canary) => redactor.body(`{"a":[{"password":"${canary}"}]}`, "application/json"),
    "a form": (canary) => redactor.body(`a=b&new_password=${canary}`, "application/x-www-form-urlencoded"),
    XML: (canary) => redactor.body(`<a><Password>${canary}</Password></a>`, "text/xml"),
    "an option": (canary) => redactor.arguments(["x", `--secret=${canary}`]).join(" "),
    "a shell command": (canary) => redactor.arguments(["bash", "-lc", `API_TOKEN=${canary} run`]).join(" "),
    "an event": (canary) =>
      JSON.stringify(
        redactor.event(
          transaction({
            request: {
              target: `/x?token=${canary}`,
              path: `/x;jsessionid=${canary}`,
              query: `token=${canary}`,
              fields: [["Cookie", `a=${canary}`]],
              trailers: [["X-Api-Key", canary]],
              body: {
                text: Buffer.from(`password=${canary}&x=\u0001`).toString("base64"),
                encoding: "base64",
                truncated: false,
              },
              content_type: "application/x-www-form-urlencoded",
            },
            response: {
              fields: [["Set-Cookie", `a=${canary}`]],
              body: { text: `{"jwt":"${canary}"}`, encoding: "utf-8", truncated: true },
            },
            process: { client: { pid: 1, comm: "x", uid: 0, args: ["x", "--password", canary] }, server: null },
            labels: { note: `apikey=${canary}` },
          }),
        ),
      ),
  };

  test.each(Object.keys(places))("a secret never comes through %s", (place) => {
    fc.assert(
      fc.property(fc.stringMatching(/^CANARY[a-zA-Z0-9+._~-]{0,40}$/), (canary) => {
        const shown = places[place](canary);
        expect(shown).not.toContain("CANARY");
        expect(shown).not.toContain(Buffer.from("CANARY").toString("base64").slice(0, 7));
        expect(shown).toContain(place === "an event" ? "<redacted:" : `<redacted:${canary.length}>`);
      }),
    );
  });

  const hostile = fc
    .array(
      fc.constantFrom(
        "password",
        "=",
        ":",
        '"',
        "\\",
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        "<",
        ">",
        "eyJ",
        "://",
        "@",
        "4",
        "-",
        "-----BEGIN ",
        "Bearer ",
        " ",
        "\n",
        "<redacted:3>",
        "&",
        "/",
      ),
      { maxLength: 60 },
    )
    .map((parts) => parts.join(""));

  test("no text makes it throw", () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(null, "application/json", "multipart/x", "text/html"), (text, type) => {
        redactor.text(text);
        redactor.body(text, type);
        redactor.arguments(["sh", "-c", text, text]);
      }),
      { numRuns: 500 },
    );
  });

  test("time grows with the length, not with its square", () => {
    const pieces = [
      "eyJ",
      "a=",
      "password=",
      '"',
      "\\",
      "<a ",
      "<",
      "://",
      "://@",
      "4111 ",
      "1",
      "-----BEGIN ",
      "-----BEGIN PRIVATE KEY-----",
      "Bearer ",
      "{",
      "[{",
      "'a",
      "name=",
      "--",
      "\n\n",
      ' name="',
    ];
    for (const piece of pieces) {
      const text = piece.repeat(Math.ceil(100_000 / piece.length));
      const all = () => {
        redactor.text(text);
        redactor.body(text, null);
        redactor.body(text, "application/json");
        redactor.body(text, "multipart/form-data");
        redactor.body(text, "multipart/form-data; boundary=a");
        redactor.arguments(["sh", "-c", text]);
      };
      expect(fastest_ms(all, 1500), JSON.stringify(piece)).toBeLessThan(1500);
    }
  });

  test("reveal changes nothing", () => {
    const open = new Redactor({ reveal: true });
    const event = transaction();
    expect(open.event(event)).toBe(event);
    expect(open.text("password=x")).toBe("password=x");
    expect(open.arguments(["x", "--password=x"])).toEqual(["x", "--password=x"]);
  });

  test("an event without secrets stays equal", () => {
    expect(redactor.event(transaction())).toEqual(transaction());
  });
});
