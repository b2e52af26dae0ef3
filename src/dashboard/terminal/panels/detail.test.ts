import { expect, test } from "vitest";
import { transaction } from "../../../../test/support/event.ts";
import { kernelPhases, phases } from "./detail.ts";

const lengths = (parts: readonly { name: string; milliseconds: number | null }[]) =>
  Object.fromEntries(parts.map(({ name, milliseconds }) => [name, milliseconds]));

test("upload, wait and download add up to the whole", () => {
  const event = transaction({ latency_ms: { upload: 1, think: 2, total: 7, ttfb: 3 } });
  expect(lengths(phases(event))).toEqual({ upload: 1, wait: 2, download: 4 });
});

test("a download is not claimed when an end was not seen", () => {
  expect(lengths(phases(transaction({ latency_ms: { total: null } }))).download).toBeNull();
  expect(lengths(phases(transaction({ latency_ms: { think: null } })))).toMatchObject({ wait: null, download: null });
});

test("the kernel's parts of the wait, and what it does not tell of", () => {
  const kernel_ms = { request_wait: 0.5, process: 1, response_wait: null };
  const event = transaction({ latency_ms: { think: 2 }, kernel_ms });
  expect(lengths(kernelPhases(event)!)).toEqual({
    "request in the kernel": 0.5,
    process: 1,
    "response in the kernel": null,
    rest: 0.5,
  });
  expect(kernelPhases(transaction())).toBeNull();
  expect(kernelPhases(transaction({ latency_ms: { think: null }, kernel_ms }))).toBeNull();
});
