/** The line that a person copies onto a PC, for each platform. Pure. */
import { AGENT_DOWNLOAD_PATH } from '#shared/contract/agent-update.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'

export type Commands = Record<DevicePlatform, string>
/** One file that the hub hands out; `arch` as it stands in the file's name. */
export type Offer = { fileName: string; arch: string; sha256: string }

/** Where `install-service` keeps the agent's identity; see agent/service/layout.ts. */
const STATE: Commands = {
  windows: '"$env:ProgramData\\DeployX\\agent"',
  linux: '/var/lib/deployx-agent',
  macos: '"/Library/Application Support/DeployX/agent"',
}
/** What `uname -m` says on the architectures that agents are made for. */
const UNAME: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64|arm64' }
/** The program that compares a file with its SHA-256. */
const CHECK = { linux: 'sha256sum -c', macos: 'shasum -a 256 -c' }

/**
 * Where the agent's file is here, the line fetches it from the hub, compares its hash with the one in the line (the hub's
 * certificate means nothing to curl, the hash in the copied line does) and makes it a service. Otherwise it is for a file that a
 * person brought to the PC.
 * @param code admits the PC; null: a person compares six digits on both screens
 * @param address HOST:PORT of the hub
 */
export function enrollmentCommands(
  code: string | null,
  address: string | undefined,
  offers: (platform: DevicePlatform) => readonly Offer[],
): Commands {
  const line = (platform: DevicePlatform): string => {
    const files = address ? offers(platform) : []
    if (platform === 'windows') return windowsLine(code, address, files[0])
    // Where the file came from, the hub is.
    const hub = files.length > 0 ? ` --hub ${address}` : ''
    const steps = (agent: string): string =>
      code !== null
        ? `${agent} install-service --code ${code}`
        : `${agent} discover --state ${STATE[platform]}${hub} && ${agent} install-service`
    if (files.length === 0) return steps('sudo ./deployx-agent')
    const fetched = posixFetch(`https://${address}${AGENT_DOWNLOAD_PATH}`, files, CHECK[platform])
    // Debian has no sudo where root was given a password.
    return `sh -c '${fetched} && ${steps('$([ $(id -u) = 0 ] || echo sudo) ./deployx-agent')}'`
  }
  return { windows: line('windows'), linux: line('linux'), macos: line('macos') }
}

/** Leaves the checked file as ./deployx-agent. A bare Debian has wget and no curl, others have curl and no wget. */
function posixFetch(folder: string, files: readonly Offer[], check: string): string {
  const [only, ...others] = files
  const cases = files.map(
    ({ fileName, arch, sha256 }) => `${UNAME[arch] ?? arch}) f=${fileName} h=${sha256};;`,
  )
  const choose =
    others.length === 0
      ? `f=${only!.fileName} h=${only!.sha256}`
      : `case $(uname -m) in ${cases.join(' ')} *) echo "There is no agent for $(uname -m)."; exit 1;; esac`
  return (
    `${choose}; u=${folder}$f; if command -v curl >/dev/null; then curl -fsSk --retry 8 -o deployx-agent "$u"; ` +
    `else wget -nv --no-check-certificate -O deployx-agent "$u"; fi && ` +
    `echo "$h  deployx-agent" | ${check} && chmod +x deployx-agent`
  )
}

/** For PowerShell. Windows 10 and later have curl; on ARM they run what is made for x64. */
function windowsLine(code: string | null, address: string | undefined, file?: Offer): string {
  const steps = (agent: string): string =>
    code !== null
      ? `${agent} install-service --code ${code}`
      : `${agent} discover --state ${STATE.windows}${file ? ` --hub ${address}` : ''}; if ($?) { ${agent} install-service }`
  if (!file || !address) return steps('.\\deployx-agent.exe')
  return (
    `$d="$env:ProgramFiles\\DeployX Agent"; md $d -Force >$null; ` +
    `curl.exe -fsSk --retry 8 -o "$d\\deployx-agent-setup.exe" https://${address}${AGENT_DOWNLOAD_PATH}${file.fileName}; ` +
    `if ((Get-FileHash "$d\\deployx-agent-setup.exe").Hash -eq '${file.sha256}') ` +
    `{ ${steps('& "$d\\deployx-agent-setup.exe"')} } ` +
    `else { 'This is not the file that the console serves.' }`
  )
}
