/** Arguments that make an installer load something from another computer. Pure. */

/** `https://…`, `file://…` and the like. */
const ADDRESS = /[a-z][a-z0-9+.-]{0,20}:\/\//i
/** `\\server\share` or `//server/share`, at the beginning of a word or of a value. */
const NETWORK_PATH = /(?:^|[\s"'=:,;(|])(?:\\\\|\/\/)[^\s\\/]/

/** Whether a line of arguments names an address or a network path, such as `TRANSFORMS=\\server\share\a.mst`. */
export const loadsFromElsewhere = (line: string): boolean =>
  ADDRESS.test(line) || NETWORK_PATH.test(line)
