/** docs/events.md against real events: the same fields, and an example that is what earshot prints. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { http, talk } from "./support/dialogue.ts";

const DOC = join(import.meta.dirname, "../docs/events.md");
const page = readFileSync(DOC, "utf8");

/** An exchange with everything that the wire can give. */
function full(): string {
  const request = http(
    "POST /cart?item=7 HTTP/1.1",
    "Host: shop.example",
    "User-Agent: curl/8.5.0",
    "Content-Type: text/plain",
    "Transfer-Encoding: chunked",
  );
  const response = http("HTTP/1.1 201 Created", "Content-Type: application/json", "Transfer-Encoding: chunked");
  return talk({ client: { ip: "192.0.2.1", port: 40112 }, step: 200 })
    .client(`${request}3\r\none\r\n0\r\nX-Sum: 1\r\n\r\n`)
    .wait(3_250)
    .server(`${response}b\r\n{"id":1042}\r\n0\r\nX-Sum: 2\r\n\r\n`)
    .close()
    .run({ json: true, maxBodyBytes: 64 }).jsonLines[0];
}

/** Paths of all leaves, `a.b.c`; arrays are leaves. */
function leaves(value: unknown, path = ""): string[] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
}

/** Rows for objects as a whole, and fields that the wire alone does not give. */
const BESIDE = [
  "request",
  "response",
  "kernel_ms.request_wait",
  "kernel_ms.process",
  "kernel_ms.response_wait",
  "labels",
];

test("every field is documented, and no other", () => {
  const rows = page
    .split("\n")
    .filter((line) => /^\| `[a-z]/.test(line) && !/^\| `(complete|no-response|aborted|gap)`/.test(line));
  const documented = rows.flatMap((line) => [...line.split("|")[1].matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(documented.sort()).toEqual([...leaves(JSON.parse(full())), ...BESIDE].sort());
});

test("the example is what earshot prints (EARSHOT_UPDATE_DOCS=1 writes it)", () => {
  const [begin, end] = ["<!-- example: made by test/events-doc.test.ts -->\n", "<!-- end -->"];
  const [before, rest] = page.split(begin);
  // a line a group, for reading; on the wire it is one
  const json = full().replaceAll(
    /,"(?=(?:flow|http|request|response|outcome|latency_ms|bytes|process|quality)":[{"])/g,
    ',\n "',
  );
  const wanted = `${before}${begin}\n\`\`\`json\n${json}\n\`\`\`\n\n${end}${rest.split(end)[1]}`;
  if (process.env["EARSHOT_UPDATE_DOCS"]) writeFileSync(DOC, wanted);
  else expect(page).toBe(wanted);
});
