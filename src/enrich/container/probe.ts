/** Which container runtimes answer on this host, for `earshot doctor`: each was asked just now. */
import { access } from "node:fs/promises";
import { type DescribedSource, kubeletSource, type RuntimePlaces, socketSources } from "./runtime-places.ts";
import { troubleOf } from "./source-trouble.ts";

export interface RuntimeFacts {
  /** A socket's path, or `kubelet`. */
  readonly place: string;
  readonly works: boolean;
  /** What answers there, or why nothing does. */
  readonly detail: string;
}

/** Where the kubelet puts its pods, under either driver and either version of cgroups. */
const PODS = ["", "/unified", "/systemd", "/memory"].flatMap((hierarchy) =>
  ["kubepods", "kubepods.slice", "kubelet.slice"].map((name) => `/sys/fs/cgroup${hierarchy}/${name}`),
);

/** Those that are here; empty when there is none. Takes as long as the slowest, two seconds at most for each. */
export async function probeRuntimes(places: RuntimePlaces = {}): Promise<readonly RuntimeFacts[]> {
  const wanted = (places.sockets?.length ?? 0) > 0;
  const found = await Promise.all(
    PODS.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  const facts = await Promise.all([
    ...socketSources(places).map((source) => probe(source, wanted)),
    found.includes(true) ? probe(kubeletSource(places.root), false) : null,
  ]);
  return facts.filter((fact) => fact !== null);
}

/** null for a usual place where there is nothing; a place that somebody named must be there. */
async function probe(source: DescribedSource, wanted: boolean): Promise<RuntimeFacts | null> {
  // what is asked does not keep the program alive, and here it should
  const awake = setInterval(() => {}, 1_000);
  try {
    return { place: source.place, works: true, detail: await source.describe() };
  } catch (error) {
    const trouble = troubleOf(error as Error);
    return trouble.absent && !wanted ? null : { place: source.place, works: false, detail: trouble.message };
  } finally {
    clearInterval(awake);
  }
}
