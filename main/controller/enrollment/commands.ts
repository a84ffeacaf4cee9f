/** The line that a person copies onto a PC, for each platform. Pure. */
import { AGENT_DOWNLOAD_PATH } from '#shared/contract/agent-update.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'

export type Commands = Record<DevicePlatform, string>
type Offer = { fileName: string; sha256: string }

/**
 * Where the agent's file is here, the line fetches it from the hub, compares its hash with the one in the line (the hub's
 * certificate means nothing to curl, the hash in the copied line does) and makes it a service. Otherwise it runs a file that a person
 * brought to the PC.
 * @param address HOST:PORT of the hub
 */
export function enrollmentCommands(
  code: string,
  address: string | undefined,
  offer: (platform: DevicePlatform) => Offer | null,
): Commands {
  const [windows, linux, macos] = [offer('windows'), offer('linux'), offer('macos')]
  const url = ({ fileName }: Offer): string => `https://${address}${AGENT_DOWNLOAD_PATH}${fileName}`
  const posix = (file: Offer, check: string): string =>
    `curl -fsSk -o deployx-agent ${url(file)} && echo "${file.sha256}  deployx-agent" | ${check} && ` +
    `chmod +x deployx-agent && sudo ./deployx-agent install-service --code ${code}`
  return {
    windows:
      windows && address
        ? `$d="$env:ProgramFiles\\DeployX Agent"; md $d -Force >$null; ` +
          `curl.exe -fsSk -o "$d\\deployx-agent-setup.exe" ${url(windows)}; ` +
          `if ((Get-FileHash "$d\\deployx-agent-setup.exe").Hash -eq '${windows.sha256}') ` +
          `{ & "$d\\deployx-agent-setup.exe" install-service --code ${code} } ` +
          `else { 'This is not the file that the console serves.' }`
        : `deployx-agent.exe run --code ${code} --state "%ProgramData%\\DeployX\\agent"`,
    linux:
      linux && address
        ? posix(linux, 'sha256sum -c')
        : `sudo ./deployx-agent run --code ${code} --state /var/lib/deployx-agent`,
    macos:
      macos && address
        ? posix(macos, 'shasum -a 256 -c')
        : `sudo ./deployx-agent run --code ${code} --state "/Library/Application Support/DeployX/agent"`,
  }
}
