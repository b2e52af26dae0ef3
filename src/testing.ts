/** What plug-in authors import as `earshot/testing`: the laws as checks, and sample events (docs/plugins.md). */
export { checkProtocolLaws, type Dialogue, sampleFlow } from "./monitor/law-kit/protocol-laws.ts";
export { distinctEvents, sampleEvents, sampleTls, sampleTransaction } from "./monitor/law-kit/sample-events.ts";
export { checkStatisticLaws, LawBroken, type StatisticLawOptions } from "./monitor/law-kit/statistic-laws.ts";
