/** The command lines of Windows installers. Pure. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { systemTool } from '../../lib/system-tool.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Prepared } from '../installers.ts'
import {
  exeWords,
  msiInstallWords,
  msiRemoveWords,
  msixInstallWords,
  mspInstallWords,
  msuInstallWords,
} from '#shared/domain/command-line.ts'

export const ready = (command: Command): Prepared => ({ ok: true, command, before: null })

export const msiInstallCommand = (
  packageFile: string,
  argv: readonly string[],
  logFile: string,
): Command => ({
  file: systemTool('msiexec.exe'),
  args: msiInstallWords(packageFile, argv, logFile),
  verbatim: true,
})

/** @param product its product code, or the path of its package */
export const msiRemoveCommand = (product: string, logFile: string): Command => ({
  file: systemTool('msiexec.exe'),
  args: msiRemoveWords(product, logFile),
  verbatim: true,
})

/** A patch of Windows Installer. */
const mspCommand = (packageFile: string, argv: readonly string[], logFile: string): Command => ({
  file: systemTool('msiexec.exe'),
  args: mspInstallWords(packageFile, argv, logFile),
  verbatim: true,
})
/** An update of Windows. */
const msuCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: systemTool('wusa.exe'),
  args: msuInstallWords(packageFile, argv),
  verbatim: false,
})
const msixCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: systemTool('dism.exe'),
  args: msixInstallWords(packageFile, argv),
  verbatim: false,
})

/** `verbatim`: the last argument reaches the program unchanged. */
export const exeCommand = (
  packageFile: string,
  argv: readonly string[],
  verbatim: boolean,
): Command => ({
  file: packageFile,
  args: verbatim ? exeWords(argv, true) : [...argv],
  verbatim,
})

export const powershellCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: systemTool('WindowsPowerShell\\v1.0\\powershell.exe'),
  args: [
    '-NoLogo',
    '-NoProfile',
    '-NonInteractive',
    '-ExecutionPolicy',
    'Bypass',
    '-File',
    packageFile,
    ...argv,
  ],
  verbatim: false,
})

/** Characters that cmd.exe would interpret, quoted or not. */
const CMD_SPECIAL = /[%!"\r\n]/

/**
 * Batch files need cmd.exe, which with `/s` takes everything between the outermost quotes (cmd /?). @returns
 * null if an argument contains something that cmd.exe cannot be kept from interpreting
 */
export function batchCommand(packageFile: string, argv: readonly string[]): Command | null {
  const words = [packageFile, ...argv]
  if (words.some((word) => CMD_SPECIAL.test(word))) return null
  return {
    file: systemTool('cmd.exe'),
    args: ['/d', '/s', '/c', `"${words.map((word) => `"${word}"`).join(' ')}"`],
    verbatim: true,
  }
}

/**
 * The command that runs this file, or why there is none. To uninstall, an .msi package is passed to Windows
 * Installer.
 */
export function windowsCommand(
  { action, kind, argv, verbatim }: Pick<DeployPayload, 'action' | 'kind' | 'argv' | 'verbatim'>,
  packageFile: string,
  msiLog: string,
): Prepared {
  switch (kind) {
    case 'msi':
      return ready(
        action === 'install'
          ? msiInstallCommand(packageFile, argv, msiLog)
          : msiRemoveCommand(packageFile, msiLog),
      )
    case 'msp':
    case 'msu':
    case 'msix':
      if (action !== 'install') return impossible('install_failed', coded('kind_not_removable', {}))
      return ready(
        kind === 'msp'
          ? mspCommand(packageFile, argv, msiLog)
          : kind === 'msu'
            ? msuCommand(packageFile, argv)
            : msixCommand(packageFile, argv),
      )
    case 'exe':
      return ready(exeCommand(packageFile, argv, verbatim))
    case 'ps1':
      return ready(powershellCommand(packageFile, argv))
    case 'cmd': {
      const command = batchCommand(packageFile, argv)
      return command ? ready(command) : impossible('install_failed', coded('cmd_argument', {}))
    }
    default:
      return impossible('install_failed', coded('wrong_system', { kind, system: 'Windows' }))
  }
}
