/** A small HTTP server on loopback for demonstrations and load tests: some routes, some errors, some slowness. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface DemoServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1. `errorShare` of the answers have status 500. */
export async function startDemoServer(errorShare: number): Promise<DemoServer> {
  const server = createServer((request, response) => answer(request, response, errorShare));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
};

function answer(request: IncomingMessage, response: ServerResponse, errorShare: number): void {
  request.resume();
  const path = (request.url ?? "/").split("?")[0];
  const status = statusFor(path, errorShare);
  const ending = /\.[a-z]+$/.exec(path)?.[0] ?? "";
  const body = status === 304 ? "" : "x".repeat(path.length * 97);
  const send = () => {
    response.writeHead(status, { "Content-Type": TYPES[ending] ?? "text/html; charset=utf-8" });
    response.end(body);
  };
  // a few routes are slow, so that there is something to see
  setTimeout(send, path.startsWith("/report") ? 80 + Math.random() * 220 : Math.random() * 6);
}

function statusFor(path: string, errorShare: number): number {
  if (Math.random() < errorShare) return 500;
  if (path.startsWith("/missing")) return 404;
  if (path.startsWith("/admin")) return 403;
  return path.endsWith(".css") && Math.random() < 0.5 ? 304 : 200;
}

/** Targets that a visitor of a shop would ask for, the usual ones more often. */
const TARGETS = [
  ["GET", "/"],
  ["GET", "/"],
  ["GET", "/static/site.css"],
  ["GET", "/static/app.js"],
  ["GET", "/shop/item/%d?color=blue"],
  ["GET", "/shop/item/%d"],
  ["GET", "/search?q=lamp&page=%d"],
  ["POST", "/cart/add?id=%d"],
  ["POST", "/login"],
  ["GET", "/api/v1/users/%d.json"],
  ["GET", "/report/daily?day=%d"],
  ["GET", "/missing/%d"],
  ["GET", "/admin/"],
] as const;

export function demoTarget(): { readonly method: string; readonly path: string } {
  const [method, path] = TARGETS[Math.floor(Math.random() ** 1.4 * TARGETS.length)];
  return { method, path: path.replace("%d", String(Math.floor(Math.random() * 500))) };
}

export const DEMO_AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  "curl/8.14.1",
  "python-requests/2.32",
] as const;
