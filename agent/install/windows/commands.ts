/** The command lines of Windows installers. Pure. */
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Prepared } from '../installers.ts'
import { quoteArgument } from './quote.ts'

const ready = (command: Command): Prepared => ({ ok: true, command, before: null })

/** msiexec: no window, no restart of its own (learn.microsoft.com/windows/win32/msi/command-line-options). */
const QUIET = ['/qn', '/norestart']

/** Whether msiexec's arguments say by themselves how much is shown. */
const saysUi = (argv: readonly string[]): boolean =>
  argv.some((argument) => /^[/-](q|passive|quiet)/i.test(argument))

/**
 * msiexec reads `NAME="a b"` with the quotes inside the argument, and not `"NAME=a b"`: it is given verbatim.
 */
function msiArgument(text: string): string {
  const property = /^([A-Za-z_][A-Za-z0-9_.]*)=(.*)$/s.exec(text)
  if (!property || !/\s/.test(property[2]!)) return quoteArgument(text)
  return `${property[1]}="${property[2]!.replaceAll('"', '""')}"`
}

export function msiInstallCommand(packageFile: string, argv: readonly string[]): Command {
  const own = ['/i', packageFile, ...(saysUi(argv) ? ['/norestart'] : QUIET)]
  return {
    file: 'msiexec.exe',
    args: [...own.map(quoteArgument), ...argv.map(msiArgument)],
    verbatim: true,
  }
}

export const msiRemoveCommand = (productCode: string, argv: readonly string[]): Command => ({
  file: 'msiexec.exe',
  args: ['/x', productCode, ...QUIET, ...argv.map(msiArgument)],
  verbatim: true,
})

/** `verbatim`: the last argument must not be quoted (NSIS `/D=`), so all others are quoted here. */
export const exeCommand = (
  packageFile: string,
  argv: readonly string[],
  verbatim: boolean,
): Command => ({
  file: packageFile,
  args: verbatim ? [...argv.slice(0, -1).map(quoteArgument), ...argv.slice(-1)] : [...argv],
  verbatim,
})

export const powershellCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: 'powershell.exe',
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

/** Characters that cmd.exe would act upon, quoted or not. */
const CMD_SPECIAL = /[%!"\r\n]/

/**
 * Batch files need cmd.exe, which takes everything between the outermost quotes with `/s` (cmd /?).
 * @returns null when an argument holds something that cmd.exe cannot be kept from interpreting
 */
export function batchCommand(packageFile: string, argv: readonly string[]): Command | null {
  const words = [packageFile, ...argv]
  if (words.some((word) => CMD_SPECIAL.test(word))) return null
  return {
    file: 'cmd.exe',
    args: ['/d', '/s', '/c', `"${words.map((word) => `"${word}"`).join(' ')}"`],
    verbatim: true,
  }
}

/** The command for a payload, or why there is none. */
export function windowsCommand(payload: DeployPayload, packageFile: string | null): Prepared {
  const { kind, argv, verbatim, action, detection } = payload
  if (packageFile === null) {
    if (action === 'uninstall' && kind === 'msi' && detection?.type === 'msi_product')
      return ready(msiRemoveCommand(detection.product_code, argv))
    return impossible(
      'install_failed',
      'Removing is possible for .msi packages whose detection rule is a product code.',
    )
  }
  switch (kind) {
    case 'msi':
      return ready(msiInstallCommand(packageFile, argv))
    case 'exe':
      return ready(exeCommand(packageFile, argv, verbatim))
    case 'ps1':
      return ready(powershellCommand(packageFile, argv))
    case 'cmd': {
      const command = batchCommand(packageFile, argv)
      return command
        ? ready(command)
        : impossible('install_failed', 'An argument holds a character that cmd.exe interprets.')
    }
    default:
      return impossible('install_failed', `A .${kind} installer does not run on Windows.`)
  }
}
