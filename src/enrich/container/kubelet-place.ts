/**
 * Where this host's kubelet listens, and with which right it is asked. Its ports are not privileged, so anybody's program
 * could sit there and make up pods, or collect a token: only an address of this host, only where root (or whoever runs
 * earshot) listens, and with the token only a server whose certificate is known.
 */
import { readFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { SourceTrouble } from "./source-trouble.ts";

const READ_ONLY_PORT = 10_255;
const SECURE_PORT = 10_250;
const MAX_FILE_BYTES = 1 << 20;
const LISTEN = "0A";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Where a kubelet without a certificate of the cluster keeps the one it made for itself, with its authority. */
const OWN_CERTIFICATE = "/var/lib/kubelet/pki/kubelet.crt";

export interface KubeletPlaceOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Put before the paths of credentials (tests). */
  readonly root?: string;
  readonly readOnlyPort?: number;
  readonly securePort?: number;
  /** User ids whose listeners are trusted; root and our own when not given. */
  readonly trusted?: readonly number[];
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** For people: `127.0.0.1:10250`. */
  readonly text: string;
  /** null for the port without encryption. */
  readonly secure: {
    readonly token: string;
    readonly authorities: readonly string[];
    readonly checkName: (host: string, certificate: PeerCertificate) => Error | undefined;
  } | null;
}

export class KubeletPlace {
  private readonly options: KubeletPlaceOptions;

  constructor(options: KubeletPlaceOptions) {
    this.options = options;
  }

  /** In the order in which they are to be tried; each rejects with a SourceTrouble when it is not to be asked. */
  endpoints(): readonly (() => Promise<Endpoint>)[] {
    const { readOnlyPort = READ_ONLY_PORT, securePort = SECURE_PORT } = this.options;
    return [() => this.endpoint(readOnlyPort, false), () => this.endpoint(securePort, true)];
  }

  private async endpoint(port: number, secure: boolean): Promise<Endpoint> {
    const host = this.host();
    const text = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    await this.checkListener(port, text);
    return { host, port, text, secure: secure ? await this.credentials(text) : null };
  }

  /** The node's address as a pod is told it by the downward API, else loopback. */
  private host(): string {
    const { env = process.env } = this.options;
    const given = env["NODE_IP"] || env["HOST_IP"];
    if (given === undefined || given === "") return "127.0.0.1";
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    if (own.some(({ address }) => address === given)) return given;
    throw new SourceTrouble("NODE_IP or HOST_IP is no address of this host (a pod needs hostNetwork: true)");
  }

  private async checkListener(port: number, text: string): Promise<void> {
    const trusted = this.options.trusted ?? [0, process.geteuid?.() ?? 0];
    const tables = await Promise.all(
      ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
    );
    const uids = tables.flatMap((table) => listenerUids(table, port));
    if (uids.length === 0) throw new SourceTrouble(`nobody listens on ${text}`, true);
    const stranger = uids.find((uid) => !trusted.includes(uid));
    if (stranger !== undefined) throw new SourceTrouble(`${text} belongs to user ${stranger}, who is not the kubelet`);
  }

  private async credentials(text: string): Promise<Endpoint["secure"]> {
    const { env = process.env } = this.options;
    const [token, cluster, own] = await Promise.all([
      this.file(`${SERVICE_ACCOUNT}/token`),
      this.file(`${SERVICE_ACCOUNT}/ca.crt`),
      this.file(OWN_CERTIFICATE),
    ]);
    // a token read again each time: it is renewed every hour
    if (token === null) throw new SourceTrouble(`${text} wants a service account, and this is no pod that has one`);
    if (!/^[\w.-]+$/.test(token.trim())) throw new SourceTrouble("the service account's token is no token");
    const authorities = [cluster, own].filter((one) => one !== null);
    if (authorities.length === 0) throw new SourceTrouble("the service account has no ca.crt");
    const names = [env["NODE_NAME"], hostname()].filter((name) => name !== undefined && name !== "");
    return {
      token: token.trim(),
      authorities,
      checkName: (host, certificate) => {
        const refusals = [host, ...names].map((name) => checkServerIdentity(name!, certificate));
        return refusals.includes(undefined) ? undefined : refusals[0];
      },
    };
  }

  private async file(path: string): Promise<string | null> {
    const text = await readFile((this.options.root ?? "") + path, "utf8").catch(() => null);
    return text === null || text === "" || text.length > MAX_FILE_BYTES ? null : text;
  }
}

/** Users whose sockets listen on the port, in the text of /proc/net/tcp or tcp6 (proc_pid_net(5)). */
function listenerUids(table: string, port: number): number[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .filter((line) => line.includes(wanted))
    .map((line) => line.trim().split(/\s+/, 8))
    .filter((fields) => fields[3] === LISTEN && fields[1]?.endsWith(wanted))
    .map((fields) => Number(fields[7]));
}
