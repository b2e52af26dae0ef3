/**
 * Real servers in a network namespace of their own, each with a log of what it answered. Takes nothing from the machine
 * but the programs; everything else lies in one folder.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkNamespace } from "./network-namespace.ts";

export interface LabServer {
  readonly name: string;
  /** The program it needs. */
  readonly program: string;
  readonly port: number;
  /** Writes its files; gives the command. */
  readonly prepare: (dir: string) => readonly string[];
  /** It must be asked for the log before it ends; others write their last lines then. */
  readonly logsInMemory?: boolean;
  /** Lines of `METHOD TARGET STATUS`, from its log. */
  readonly log: (dir: string) => string[];
}

export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`], { env: withSbin(), stdio: "ignore" }).status === 0;
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
}

const lines = (path: string) => readFileSync(path, "utf8").split("\n").filter(Boolean);

/** `"GET /x HTTP/1.1" 200` as `GET /x 200`. */
function ofRequestLine(line: string): string {
  const match = /^"(\S+) (\S*)[^"]*" (\d+)/.exec(line);
  return match === null ? line : `${match[1]} ${match[2]} ${match[3]}`;
}

const NGINX_PORT = 8001;

export const SERVERS: readonly LabServer[] = [
  {
    name: "nginx",
    program: "nginx",
    port: NGINX_PORT,
    prepare: (dir) => {
      writeFileSync(
        join(dir, "nginx.conf"),
        `daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/nginx-error.log; user root;
        events { worker_connections 256; }
        http { log_format rows '"$request" $status'; access_log ${dir}/nginx.log rows; client_max_body_size 64m;
          client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
          gzip on; gzip_types text/plain; gzip_min_length 100;
          server { listen ${NGINX_PORT}; root ${dir}/www;
            location /post { client_body_buffer_size 8m; proxy_set_header User-Agent ""; proxy_pass http://127.0.0.1:${NGINX_PORT}/ok; }
            location /ok { return 200 "fine"; }
            location /none { return 204; }
            location /moved { return 302 /hello.txt; } } }`,
      );
      return ["nginx", "-c", join(dir, "nginx.conf")];
    },
    log: (dir) => lines(join(dir, "nginx.log")).map(ofRequestLine),
  },
  {
    name: "Apache",
    program: "apache2",
    port: 8002,
    prepare: (dir) => {
      const modules = ["mpm_event", "authz_core", "mime", "dir", "deflate", "filter", "alias"];
      writeFileSync(join(dir, "mime.types"), "text/plain txt\n");
      writeFileSync(
        join(dir, "apache.conf"),
        `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
        ServerName lab\nServerRoot ${dir}\nPidFile ${dir}/apache.pid\nDefaultRuntimeDir ${dir}\nListen 8002\nDocumentRoot ${dir}/www
        TypesConfig ${dir}/mime.types\nUser www-data\nGroup www-data\nErrorLog ${dir}/apache-error.log\nTraceEnable On
        LogFormat "\\"%r\\" %>s" rows\nCustomLog ${dir}/apache.log rows\nAddOutputFilterByType DEFLATE text/plain
        Redirect 302 /moved /hello.txt`,
      );
      return ["apache2", "-X", "-f", join(dir, "apache.conf")];
    },
    log: (dir) => lines(join(dir, "apache.log")).map(ofRequestLine),
  },
  {
    name: "lighttpd",
    program: "lighttpd",
    port: 8003,
    prepare: (dir) => {
      writeFileSync(
        join(dir, "lighttpd.conf"),
        `server.modules = ("mod_accesslog")\nserver.port = 8003\nserver.document-root = "${dir}/www"
        accesslog.filename = "${dir}/lighttpd.log"\naccesslog.format = "\\"%r\\" %s"\nserver.errorlog = "${dir}/lighttpd-error.log"`,
      );
      return ["lighttpd", "-D", "-f", join(dir, "lighttpd.conf")];
    },
    log: (dir) => lines(join(dir, "lighttpd.log")).map(ofRequestLine),
  },
  {
    name: "HAProxy",
    program: "haproxy",
    port: 8004,
    prepare: (dir) => {
      writeFileSync(
        join(dir, "haproxy.cfg"),
        `global\n  log stdout format raw local0\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 9s\n  timeout server 9s\n  log global
  log-format "row %{+Q}r %ST"\nfrontend f\n  bind :8004\n  default_backend b\nbackend b\n  server s 127.0.0.1:${NGINX_PORT}\n`,
      );
      return ["haproxy", "-db", "-f", join(dir, "haproxy.cfg")];
    },
    log: (dir) =>
      lines(join(dir, "HAProxy.out"))
        .filter((line) => line.startsWith("row "))
        .map((line) => ofRequestLine(line.slice(4))),
  },
  {
    name: "Squid",
    program: "squid",
    port: 8005,
    prepare: (dir) => {
      mkdirSync(join(dir, "squid"), { recursive: true });
      spawnSync("chmod", ["777", join(dir, "squid"), dir]);
      writeFileSync(
        join(dir, "squid.conf"),
        `http_port 8005\nhttp_access allow all\ncache deny all\npid_filename ${dir}/squid/squid.pid\ncache_log ${dir}/squid/cache.log
coredump_dir ${dir}/squid\nlogformat rows "%rm %ru HTTP" %>Hs\naccess_log stdio:${dir}/squid/access.log rows\nshutdown_lifetime 1 seconds
pinger_enable off\nvisible_hostname lab\nbuffered_logs off\nstrip_query_terms off\n`,
      );
      return ["squid", "-N", "-f", join(dir, "squid.conf")];
    },
    log: (dir) => lines(join(dir, "squid/access.log")).map(ofRequestLine),
  },
  {
    name: "Varnish",
    program: "varnishd",
    port: 8006,
    logsInMemory: true,
    prepare: (dir) => {
      return [
        "varnishd",
        "-F",
        "-n",
        join(dir, "varnish"),
        "-a",
        ":8006",
        "-b",
        `127.0.0.1:${NGINX_PORT}`,
        "-s",
        "malloc,16m",
      ];
    },
    log: (dir) => {
      const { stdout } = spawnSync("varnishncsa", ["-n", join(dir, "varnish"), "-d", "-F", '"%m %U%q HTTP" %s'], {
        encoding: "utf8",
      });
      return stdout.split("\n").filter(Boolean).map(ofRequestLine);
    },
  },
  {
    name: "Python",
    program: "python3",
    port: 8007,
    prepare: (dir) => [
      "python3",
      "-u",
      "-m",
      "http.server",
      "8007",
      "--directory",
      join(dir, "www"),
      "--protocol",
      "HTTP/1.1",
    ],
    log: (dir) =>
      lines(join(dir, "Python.out"))
        .map((line) => /"(\S+) (\S+) HTTP[^"]*" (\d+)/.exec(line))
        .filter((match) => match !== null)
        .map(([, method, target, status]) => `${method} ${target} ${status}`),
  },
];

export class ServerLab {
  readonly dir: string;
  private readonly namespace: NetworkNamespace;
  private readonly running: ChildProcess[] = [];

  constructor(namespace: NetworkNamespace, dir: string) {
    this.namespace = namespace;
    this.dir = dir;
    mkdirSync(join(dir, "www"), { recursive: true });
    spawnSync("chmod", ["755", dir]);
    writeFileSync(join(dir, "www/hello.txt"), "hello, traffic\n".repeat(500));
    writeFileSync(join(dir, "www/large.bin"), Buffer.alloc(3_000_000, "x"));
    writeFileSync(join(dir, "www/empty"), "");
  }

  /** A program that stays until `close`; its output goes to NAME.out. */
  start(name: string, command: readonly string[]): ChildProcess {
    const out = `exec "$@" > ${join(this.dir, `${name}.out`)} 2>&1`;
    const child = spawn("ip", ["netns", "exec", this.namespace.name, "sh", "-c", out, "sh", ...command], {
      stdio: "ignore",
      env: withSbin(),
    });
    this.running.push(child);
    return child;
  }

  /** Gives the output, whatever the exit code. */
  run(command: string): Promise<string> {
    const child = spawn("ip", ["netns", "exec", this.namespace.name, "sh", "-c", command], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 60_000,
      cwd: this.dir,
      env: withSbin(),
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    return new Promise((done) => child.once("close", () => done(output)));
  }

  async listening(port: number): Promise<boolean> {
    for (let i = 0; i < 150; i++) {
      if ((await this.run(`ss -Hltn 'sport = :${port}'`)) !== "") return true;
      await sleep(100);
    }
    return false;
  }

  async close(): Promise<void> {
    for (const child of this.running) child.kill("SIGTERM");
    await Promise.all(
      this.running.map((child) => (child.exitCode !== null ? null : new Promise((done) => child.once("exit", done)))),
    );
  }
}
