import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dripping, endless } from "../../../test/support/hostile-http.ts";
import { DockerSource } from "./docker-api.ts";

const ID = "ab".repeat(32);
const ASKED = { id: ID, podUid: null };

let folder: string;
let path: string;
let server: Server | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-docker-"));
  path = join(folder, "docker.sock");
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<DockerSource> {
  server = createServer(listener).listen(path);
  await once(server, "listening");
  return new DockerSource(path, path, 300);
}

test("one container, all of them, and who answers", async () => {
  const Labels = { "io.kubernetes.pod.uid": "u-1", "io.kubernetes.pod.name": "p", "io.kubernetes.pod.namespace": "n" };
  const answers: Readonly<Record<string, unknown>> = {
    [`/containers/${ID}/json`]: { Name: "/web", Config: { Image: "nginx:1.27", Labels } },
    "/containers/json": [{ Id: ID, Names: ["/web"], Image: "nginx:1.27", Labels }, { Id: 7 }, null],
    "/version": { Version: "20.10.24" },
  };
  const docker = await serve((request, response) => response.end(JSON.stringify(answers[request.url!])));
  const known = { runtime: "docker", name: "web", image: "nginx:1.27", pod: { uid: "u-1", name: "p", namespace: "n" } };
  expect(await docker.ask(ASKED)).toEqual(known);
  expect(await docker.list()).toEqual(new Map([[ID, known]]));
  expect(await docker.describe()).toBe("docker 20.10.24, Docker API");
});

test("podman says so; what it does not know is null", async () => {
  const podman = await serve((request, response) => {
    response.setHeader("Server", "Libpod/4.3.1 (linux)");
    if (request.url === `/containers/${ID}/json`) response.end('{"Name":"web"}');
    else response.writeHead(404).end();
  });
  expect(await podman.ask(ASKED)).toEqual({ runtime: "podman", name: "web" });
  expect(await podman.ask({ id: "cd".repeat(32), podUid: null })).toBeNull();
});

const bad: Readonly<Record<string, readonly [RegExp, RequestListener]>> = {
  silence: [/no answer within 0\.3 s/, () => {}],
  "an answer that drips in": [/no answer within 0\.3 s/, dripping],
  "an answer without end": [/more than 1048576 bytes/, (_request, response) => endless(response, "[", " ")],
  "half an answer": [
    /hung up|aborted/,
    (_request, response) => {
      response.writeHead(200, { "Content-Length": 100 });
      response.write("{");
      setTimeout(() => response.destroy(), 20);
    },
  ],
  "it hangs up": [/hung up/, (_request, response) => response.destroy()],
  "an error": [/HTTP status 500/, (_request, response) => response.writeHead(500).end()],
};

test.each(Object.entries(bad))("%s", async (_name, [message, listener]) => {
  const docker = await serve(listener);
  await expect(docker.ask(ASKED)).rejects.toThrow(message);
  await expect(docker.list()).rejects.toThrow();
});

test("rubbish is no container", async () => {
  const docker = await serve((_request, response) => response.end('[{"Names":7}'));
  expect(await docker.ask(ASKED)).toBeNull();
  expect(await docker.list()).toEqual(new Map());
  await expect(docker.describe()).rejects.toThrow("not a Docker API");
});
