/**
 * Containers that somebody started beside Kubernetes, by containerd's own API (containerd.services.containers.v1, and
 * namespaces.v1 to find where): by nerdctl or `ctr`. The CRI shows none of them.
 */

import { known } from "./cri.ts";
import { GRPC, type GrpcConnection } from "./grpc-call.ts";
import { parseJson, plain } from "./json.ts";
import { encode, Message } from "./protobuf.ts";
import { type Asked, answerOf, type PathAsked, podOf, type RuntimeAnswer, textOf } from "./runtime-answer.ts";

const MAX_NAMESPACES = 32;

/** null when no namespace has the container. */
export async function askContainerd(connection: GrpcConnection, asked: Asked): Promise<RuntimeAnswer | null> {
  for (const namespace of await namespaces(connection)) {
    const container = await get(connection, namespace, asked.id);
    const answer = container && answerFor(container);
    // docker keeps its names to itself: its containers have neither name nor image here
    if (answer && (answer.name ?? answer.image ?? answer.pod) !== undefined) return answer;
  }
  return null;
}

/** null when the container is not there, or its configuration (google.protobuf.Any of JSON) names another path. */
export async function askContainerdPath(connection: GrpcConnection, asked: PathAsked): Promise<RuntimeAnswer | null> {
  const container = await get(connection, asked.namespace, asked.id);
  const config = plain(parseJson(container?.message(5)?.text(2) ?? ""));
  return container && plain(config["linux"])["cgroupsPath"] === asked.cgroup ? answerFor(container) : null;
}

/** message Container */
async function get(connection: GrpcConnection, namespace: string, id: string): Promise<Message | null> {
  const call = connection.call("/containerd.services.containers.v1.Containers/Get", encode({ 1: id }), {
    "containerd-namespace": namespace,
  });
  const bytes = await known(call, GRPC.notFound, GRPC.unimplemented);
  const container = bytes === null ? null : new Message(bytes).message(1);
  return container?.text(1) === id ? container : null;
}

/** Names that may stand in a header; none when containerd's own API is not there (cri-o, cri-dockerd). */
async function namespaces(connection: GrpcConnection): Promise<string[]> {
  const call = connection.call("/containerd.services.namespaces.v1.Namespaces/List", encode({}));
  const bytes = await known(call, GRPC.unimplemented);
  if (bytes === null) return [];
  const names = new Message(bytes).messages(1).map((namespace) => namespace.text(1));
  return names.filter((name) => /^[A-Za-z0-9._-]{1,76}$/.test(name)).slice(0, MAX_NAMESPACES);
}

/** message Container */
function answerFor(container: Message): RuntimeAnswer {
  const labels = new Map(container.map(2));
  const label = (name: string) => textOf(labels.get(name));
  const pod = podOf(
    label("io.kubernetes.pod.uid"),
    label("io.kubernetes.pod.name"),
    label("io.kubernetes.pod.namespace"),
  );
  const name = label("nerdctl/name") ?? label("io.kubernetes.container.name");
  return answerOf("containerd", name, textOf(container.text(3)), pod);
}
