/** The command that a user copies to a PC, for each platform. Pure. */
import { AGENT_DOWNLOAD_PATH } from '#shared/contract/agent/update.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'

export type Commands = Record<DevicePlatform, string>
/** A file that the hub serves; `arch` as in the file's name. */
export type Offer = { fileName: string; arch: string; sha256: string }
type PosixPlatform = Exclude<DevicePlatform, 'windows'>

/** Where `install-service` stores the agent's identity; see agent/service/layout.ts. */
const STATE: Commands = {
  windows: '"$env:ProgramData\\DeployX\\agent"',
  linux: '/var/lib/deployx-agent',
  macos: '"/Library/Application Support/DeployX/agent"',
}
/** What `uname -m` prints for the architectures that have an agent. */
const UNAME: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64|arm64' }
/** The program that verifies a file's SHA-256. */
const CHECK: Record<PosixPlatform, string> = { linux: 'sha256sum -c', macos: 'shasum -a 256 -c' }
/** Seconds to wait for an address to answer before the next one. */
const CONNECT_SECONDS = 4
/** Seconds without a byte after which a download is aborted. */
const STALL_SECONDS = 60
/** Pauses in seconds between rounds over all addresses, while the hub answers but is busy. */
const PAUSES = [1, 2, 4, 8, 16, 30, 60, 60]

/**
 * If the controller has the agent's file, the command downloads it from the hub, verifies its hash
 * and installs it as a service. curl does not verify the hub's certificate; the hash in the copied
 * command protects the file. Otherwise the command is for a file that the user brings to the PC. In
 * both cases the file stays, from the first byte to the last step, in a new folder that only the
 * administrator can access: in any other folder another user could replace it between check and
 * start.
 * @param code admits the PC; null: a person compares six digits on both screens
 * @param addresses HOST:PORT of the hub, best first; the command tries all of them
 */
export function enrollmentCommands(
  code: string | null,
  addresses: readonly string[],
  offers: (platform: DevicePlatform) => readonly Offer[],
): Commands {
  const filesFor = (platform: DevicePlatform): readonly Offer[] =>
    addresses.length > 0 ? offers(platform) : []
  return {
    windows: windowsLine(code, addresses, filesFor('windows')[0]),
    linux: posixLine('linux', code, addresses, filesFor('linux')),
    macos: posixLine('macos', code, addresses, filesFor('macos')),
  }
}

const downloadFolders = (addresses: readonly string[]): string[] =>
  addresses.map((address) => `https://${address}${AGENT_DOWNLOAD_PATH}`)

/** Quotes a script as a single word between double quotes for sh. */
const doubleQuoted = (script: string): string => `"${script.replace(/[\\$"\x60]/g, '\\$&')}"`

/** Debian has no sudo if root has a password. */
const asRoot = (script: string): string =>
  `sh -c 's=; [ $(id -u) = 0 ] || s=sudo; $s sh -c ${doubleQuoted(script)}'`

/**
 * On Linux and macOS only root can access `~root`, and programs may run there (a hardened /tmp
 * forbids that). The folder is removed at the end; the exit code is that of the last step.
 */
function posixLine(
  platform: PosixPlatform,
  code: string | null,
  addresses: readonly string[],
  files: readonly Offer[],
): string {
  const agent = './deployx-agent'
  // The hub is where the file came from.
  const hub = files.length > 0 ? ' --hub $a' : ''
  const steps =
    code !== null
      ? `${agent} install-service --code ${code}`
      : `${agent} discover --state ${STATE[platform]}${hub} && ${agent} install-service`
  const folder =
    'd=$(mktemp -d ~root/deployx-XXXXXXXXXX) || exit 1; trap "rm -rf $d" 0; trap "exit 130" 1 2 15'
  if (files.length === 0)
    return asRoot(
      `${posixOwn(agent)}; ${folder}; cp ${agent} $d && cd $d && chmod 700 ${agent} && ${steps}`,
    )
  const fetch = posixFetch(downloadFolders(addresses), files)
  const check = `echo "$h  deployx-agent" | ${CHECK[platform]}`
  return asRoot(`${folder}; cd $d || exit 1; ${fetch}; ${check} && chmod 700 ${agent} && ${steps}`)
}

/**
 * Ends the command if another user could have replaced the file: it or its folder belongs to neither
 * root nor the user who ran sudo, or others may write there. Group and others count alike, as for
 * `install-service`; see agent/lib/writable-by-others.ts.
 */
const posixOwn = (agent: string): string =>
  `w=$(find . ${agent} -prune \\( -type l -o -perm -g+w -o -perm -o+w ` +
  `-o -not -user 0 -not -user \${SUDO_UID:-0} \\)) || exit 1; ` +
  `[ -z "$w" ] || { echo "Other users could have replaced ${agent}. Move it to a folder of your own, run chmod go-w . ${agent} there, and try again."; exit 1; }`

/**
 * Saves the file as ./deployx-agent and the address it came from in `$a`. A bare Debian has wget
 * and no curl, other systems have curl and no wget. HOME is set so that the user's settings are
 * ignored. Exit codes 6, 7, 28 (curl) and 4 (wget) mean that no hub answers.
 */
function posixFetch(folders: readonly string[], files: readonly Offer[]): string {
  const [only, ...others] = files
  const cases = files.map(
    ({ fileName, arch, sha256 }) => `${UNAME[arch] ?? arch}) f=${fileName} h=${sha256};;`,
  )
  const choose =
    others.length === 0
      ? `f=${only!.fileName} h=${only!.sha256}`
      : `case $(uname -m) in ${cases.join(' ')} *) echo "There is no agent for $(uname -m)."; exit 1;; esac`
  return (
    `set -f; ${choose}; for n in ${PAUSES.join(' ')}; do b=; for u in ${folders.join(' ')}; do ` +
    `if command -v curl >/dev/null; then HOME=$d curl -q -gfsSk --noproxy * --connect-timeout ${CONNECT_SECONDS} ` +
    `--speed-limit 1 --speed-time ${STALL_SECONDS} -o deployx-agent $u$f; ` +
    `else HOME=$d wget -nv --no-proxy --no-check-certificate -t 1 --connect-timeout=${CONNECT_SECONDS} ` +
    `--read-timeout=${STALL_SECONDS} -O deployx-agent $u$f; fi; ` +
    `case $? in 0) break 2;; 4|6|7|28) ;; *) b=1;; esac; done; [ $b ] || exit 1; sleep $n; done; ` +
    `a=\${u#https://} a=\${a%%/*}`
  )
}

/** The current user, SYSTEM, Administrators, TrustedInstaller, and OWNER RIGHTS, which go to one of them. */
const WINDOWS_TRUSTED =
  `[Security.Principal.WindowsIdentity]::GetCurrent().User.Value,'S-1-5-18','S-1-5-32-544',` +
  `'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464','S-1-3-4'`
/** Rights to rename, delete or take over: DELETE, DELETE_CHILD, WRITE_DAC, WRITE_OWNER, generic ones. */
const REPLACE_RIGHTS = '0x500D0040'
/** These, and to write or add files. */
const WRITE_RIGHTS = '0x500D0046'

/**
 * Ends the command if another user could have replaced the file: it comes from another computer, or
 * it, its folder or one above is a link, belongs to somebody else, or may be changed by somebody
 * else. Entries that are only inherited (flag 2) do not count.
 */
const windowsOwn = (agent: string): string =>
  `$o=${WINDOWS_TRUSTED}; $t=[Security.Principal.SecurityIdentifier]; ` +
  `$x='Other users could have replaced ${agent}. Copy it again, from where you got it, to a new folder below C:\\Program Files, and try again there.'; ` +
  `$s=(Resolve-Path .\\${agent} -ea Stop).ProviderPath; ` +
  `if ($s -like '\\\\*' -or ([IO.DriveInfo]$s.Substring(0,1)).DriveType -eq 'Network') { throw $x }; ` +
  `$m=${WRITE_RIGHTS}; for ($p=$s; $p; $p=[IO.Path]::GetDirectoryName($p)) { ` +
  `$a=Get-Acl -LiteralPath $p -ea Stop; ` +
  `if ((Get-Item -LiteralPath $p -Force -ea Stop).LinkType -in 'SymbolicLink','Junction' -or ` +
  `$a.GetOwner($t).Value -notin $o -or ($a.GetAccessRules($true,$true,$t) | ? { ` +
  `$_.AccessControlType -eq 'Allow' -and ([int]$_.PropagationFlags -band 2) -eq 0 -and ` +
  `$_.IdentityReference.Value -notin $o -and ([int]$_.FileSystemRights -band $m) -ne 0 })) { throw $x }; ` +
  `if ($p -ne $s) { $m=${REPLACE_RIGHTS} } }`

/**
 * For PowerShell as administrator. Windows 10 and later have curl; on ARM they run x64 programs.
 * Only administrators may write below Program Files, and the new folder is also closed to everybody
 * else, because Windows searches for libraries beside a program.
 */
function windowsLine(code: string | null, addresses: readonly string[], file?: Offer): string {
  const hub = file ? ' --hub ([uri]$u).Authority' : ''
  const steps =
    code !== null
      ? `& $f install-service --code ${code}`
      : `& $f discover --state ${STATE.windows}${hub}; if ($?) { & $f install-service }`
  const folder =
    `$d="$env:ProgramFiles\\DeployX Agent\\setup-$([guid]::NewGuid())"; md $d -ea Stop >$null; ` +
    `icacls $d /inheritance:r /grant:r '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' >$null; ` +
    `$f="$d\\deployx-agent.exe"`
  const away = 'rd $d -Recurse -Force'
  if (!file)
    return (
      `${windowsOwn('deployx-agent.exe')}; ${folder}; ` +
      `try { cp -LiteralPath $s $f -ea Stop; ${steps} } finally { ${away} }`
    )
  const urls = downloadFolders(addresses).map((from) => `'${from}${file.fileName}'`)
  const fetch =
    `:all foreach ($n in ${PAUSES.join(',')}) { $b=0; foreach ($u in ${urls.join(',')}) { ` +
    `& "$env:SystemRoot\\System32\\curl.exe" -q -gfsSk --noproxy '*' --connect-timeout ${CONNECT_SECONDS} ` +
    `--speed-limit 1 --speed-time ${STALL_SECONDS} -o $f $u; ` +
    `if ($LASTEXITCODE -eq 0) { break all }; if ($LASTEXITCODE -notin 6,7,28) { $b=1 } }; ` +
    `if (-not $b) { break }; sleep $n }`
  return (
    `${folder}; try { ${fetch}; ` +
    `if ((Test-Path $f) -and (Get-FileHash $f).Hash -eq '${file.sha256}') { ${steps} } ` +
    `else { 'This is not the file that the console serves.' } } finally { ${away} }`
  )
}
