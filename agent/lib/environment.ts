/**
 * The environment of every process that the agent starts: installers, scripts and system tools. It is that of
 * a service on this PC, built from scratch, so that nothing of the agent's own (keys, proxies, Node settings)
 * leaks into it.
 */
import { arch, cpus, homedir, hostname, userInfo } from 'node:os'
import { win32 } from 'node:path'

export const CLEAN_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Variables that Windows sets for every service, and the PC's own settings of these names. */
const WINDOWS_KEPT = [
  'ALLUSERSPROFILE',
  'APPDATA',
  'CommonProgramFiles',
  'CommonProgramFiles(Arm)',
  'CommonProgramFiles(x86)',
  'CommonProgramW6432',
  'COMPUTERNAME',
  'ComSpec',
  'DriverData',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'OS',
  'Path',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROCESSOR_ARCHITEW6432',
  'PROCESSOR_IDENTIFIER',
  'PROCESSOR_LEVEL',
  'PROCESSOR_REVISION',
  'ProgramData',
  'ProgramFiles',
  'ProgramFiles(Arm)',
  'ProgramFiles(x86)',
  'ProgramW6432',
  'PSModulePath',
  'PUBLIC',
  'SystemDrive',
  'SystemRoot',
  'TEMP',
  'TMP',
  'USERDOMAIN',
  'USERNAME',
  'USERPROFILE',
  'windir',
]

type Machine = { hostname: string; arch: string; processors: number }
const thisMachine = (): Machine => ({
  hostname: hostname(),
  arch: arch(),
  processors: cpus().length,
})

/** Variables that a Windows service cannot work without, in case the agent was started without them. */
function windowsDefaults(env: Record<string, string>, machine: Machine): Record<string, string> {
  const root = env['SystemRoot'] ?? env['windir'] ?? 'C:\\Windows'
  const drive = env['SystemDrive'] ?? root.slice(0, 2)
  const system = win32.join(root, 'System32')
  const data = env['ProgramData'] ?? `${drive}\\ProgramData`
  const programs = env['ProgramFiles'] ?? `${drive}\\Program Files`
  const temp = win32.join(root, 'Temp')
  return {
    ALLUSERSPROFILE: data,
    CommonProgramFiles: `${programs}\\Common Files`,
    // A NetBIOS name. shutdown.exe reads the name of its own PC from it.
    COMPUTERNAME: machine.hostname.split('.')[0]!.slice(0, 15).toUpperCase(),
    ComSpec: win32.join(system, 'cmd.exe'),
    NUMBER_OF_PROCESSORS: String(Math.max(1, machine.processors)),
    OS: 'Windows_NT',
    Path: [system, root, win32.join(system, 'Wbem')].join(';'),
    PATHEXT: '.COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC',
    PROCESSOR_ARCHITECTURE: machine.arch === 'arm64' ? 'ARM64' : 'AMD64',
    ProgramData: data,
    ProgramFiles: programs,
    PUBLIC: `${drive}\\Users\\Public`,
    SystemDrive: drive,
    SystemRoot: root,
    TEMP: env['TMP'] ?? temp,
    TMP: env['TEMP'] ?? temp,
    windir: root,
  }
}

/** Pure. Windows ignores the case of variable names. */
export function windowsEnvironment(
  env: NodeJS.ProcessEnv,
  machine: Machine,
): Record<string, string> {
  const byName = new Map(Object.entries(env).map(([name, value]) => [name.toLowerCase(), value]))
  const kept = Object.fromEntries(
    WINDOWS_KEPT.flatMap((name) => {
      const value = byName.get(name.toLowerCase())
      return value ? [[name, value]] : []
    }),
  )
  return { ...windowsDefaults(kept, machine), ...kept }
}

type User = { name: string; home: string; shell: string }
const ROOT: User = { name: 'root', home: '/root', shell: '/bin/sh' }

/** From the user database, not from the environment: a bare service manager sets nothing. */
function thisUser(): User {
  try {
    const { username, homedir: home, shell } = userInfo()
    return { name: username, home, shell: shell ?? ROOT.shell }
  } catch {
    // This user is not in the user database.
    return process.getuid?.() === 0 ? ROOT : { ...ROOT, name: 'nobody', home: homeOr('/') }
  }
}

function homeOr(otherwise: string): string {
  try {
    return homedir()
  } catch {
    return otherwise
  }
}

/** The environment of a service on this PC, in English, whatever environment the agent was started with. */
export function serviceEnvironment(): Record<string, string> {
  if (process.platform === 'win32') return windowsEnvironment(process.env, thisMachine())
  const { name, home, shell } = thisUser()
  return {
    PATH: CLEAN_PATH,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: shell,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
  }
}
