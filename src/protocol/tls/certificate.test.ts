import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { cpu_ms } from "../../../test/support/duration.ts";
import { certificates } from "../../../test/support/tls-builder.ts";
import { CertificateMemory, namesOf, readCertificates } from "./certificate.ts";

/** Made with openssl; names of every kind. */
const DER = new X509Certificate(`-----BEGIN CERTIFICATE-----
MIIB6DCCAY6gAwIBAgIIASNFZ4mrze8wCgYIKoZIzj0EAwIwPTELMAkGA1UEBhMC
REUxFjAUBgNVBAoMDUVhcnNob3QsIFRlc3QxFjAUBgNVBAMMDSouZXhhbXBsZS5v
cmcwIBcNMjYxMTIwMTM1MDQ0WhgPMjEyNjEwMjcxMzUwNDRaMD0xCzAJBgNVBAYT
AkRFMRYwFAYDVQQKDA1FYXJzaG90LCBUZXN0MRYwFAYDVQQDDA0qLmV4YW1wbGUu
b3JnMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPfFCz7lkDYiKPLXIcHxpksRA
Zxt8SNgsfbbUqoMfwq7DZzxaB+oXNntH1QA0k+eE8Zl4aW4MEW9qeFEzoSi5LqN2
MHQwUwYDVR0RBEwwSoILZXhhbXBsZS5vcmeCDSouZXhhbXBsZS5vcmeHBMAAAgeG
FWh0dHBzOi8vZXhhbXBsZS5vcmcvYYEPb3BzQGV4YW1wbGUub3JnMB0GA1UdDgQW
BBQe9nZBIAgP6M4+5sR30KF2/KG8rDAKBggqhkjOPQQDAgNIADBFAiEAoRN9tdg7
HNuTIGa/BOPnxID38mn317dBzJu6XuepgJACIHBar4OwcoRrcSJCYRbWQZQPGDHI
Z1eCnKWsTQdcx7HY
-----END CERTIFICATE-----`).raw;

const read = (memory: CertificateMemory, ...ders: Uint8Array[]) =>
  readCertificates(certificates(...ders).subarray(4), memory);

test("a certificate summed up", () => {
  expect(read(new CertificateMemory(), DER)).toEqual({
    certificates: [
      {
        subject: "C=DE, O=Earshot\\, Test, CN=*.example.org",
        issuer: "C=DE, O=Earshot\\, Test, CN=*.example.org",
        not_before: "2026-11-20T13:50:44Z",
        not_after: "2126-10-27T13:50:44Z",
        serial: "0123456789ABCDEF",
        names: ["example.org", "*.example.org", "192.0.2.7", "URI:https://example.org/a", "email:ops@example.org"],
        sha256: "831f55b04e27075376c4a76f40b7a841e7f1d87088be05276412b2fdacda22a8",
      },
    ],
    truncated: false,
    unreadable: 0,
    malformed: false,
  });
});

test("a damaged certificate is counted, those beside it are read", () => {
  const damaged = DER.subarray(0, 200);
  const chain = read(new CertificateMemory(), damaged, DER, new Uint8Array(0));
  expect(chain.certificates).toHaveLength(1);
  expect(chain).toMatchObject({ unreadable: 2, malformed: false });
});

test("no cut and no changed octet throws", () => {
  const memory = new CertificateMemory();
  const whole = certificates(DER).subarray(4);
  for (let length = 0; length < whole.length; length += 3) readCertificates(whole.subarray(0, length), memory);
  for (let at = 0; at < DER.length; at++) {
    const changed = new Uint8Array(DER);
    changed[at] ^= 0xff;
    read(memory, changed);
  }
  expect(read(memory, DER).certificates).toHaveLength(1);
});

test("a list whose lengths do not fit is told", () => {
  const content = certificates(DER).subarray(4);
  expect(readCertificates(content.subarray(0, 50), new CertificateMemory()).malformed).toBe(true);
});

test("the same octets give the same object, and memory of them is bounded", () => {
  const memory = new CertificateMemory();
  const [first] = read(memory, DER).certificates;
  expect(read(memory, DER).certificates[0]).toBe(first);
  for (let index = 0; index < 2_000; index++) memory.summary(Uint8Array.of(index >>> 8, index & 255));
  expect(memory.size).toBe(512);
  const newest = memory.summary(DER);
  memory.summary(new Uint8Array(20_000));
  expect(memory.summary(DER)).toBe(newest);
  expect(newest).not.toBe(first);
});

test.each([
  [undefined, []],
  ["", []],
  ["DNS:a.example", ["a.example"]],
  ["DNS:a.example, IP Address:2001:DB8:0:0:0:0:0:1", ["a.example", "2001:DB8:0:0:0:0:0:1"]],
  ['DNS:"a.example, DNS:evil.example", DNS:b.example', ["a.example, DNS:evil.example", "b.example"]],
  ['DirName:"CN = \\"x\\""', ['DirName:CN = "x"']],
  ["no kind", []],
  ['DNS:"not closed', ['"not closed']],
])("alternative names %j are %j", (text, names) => {
  expect(namesOf(text)).toEqual(names);
});

test("hostile names take no time", () => {
  const start = cpu_ms();
  namesOf(`DNS:${"a".repeat(60_000)},x`);
  namesOf("a".repeat(60_000));
  namesOf(`DNS:"${"\\".repeat(60_000)}`);
  expect(namesOf(Array.from({ length: 5_000 }, (_, index) => `DNS:${index}.example`).join(", "))).toHaveLength(100);
  expect(cpu_ms() - start).toBeLessThan(500);
});
