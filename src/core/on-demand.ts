/**
 * Parts of Node that few runs need, loaded at their first use: every start would wait for them else (docs/performance.md,
 * "Start"). An import at the head of a file is loaded whether its time ever comes or not.
 */

export const crypto = () => process.getBuiltinModule("node:crypto");
export const net = () => process.getBuiltinModule("node:net");
export const zlib = () => process.getBuiltinModule("node:zlib");
/** `node:fs/promises` */
export const files = () => process.getBuiltinModule("node:fs/promises");
/** `node:stream/promises` */
export const streams = () => process.getBuiltinModule("node:stream/promises");
