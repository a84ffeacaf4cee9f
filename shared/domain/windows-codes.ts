/**
 * Windows reports a failure as a small number (Win32 system error codes, Windows Installer), as an NTSTATUS if the program
 * crashed, or as an HRESULT. Sources: learn.microsoft.com, "System Error Codes", "MsiExec error codes", [MS-ERREF] 2.1 and
 * 2.3, "Windows Update error codes", "MSIX troubleshooting". All keys are unsigned.
 */
export type ExitOutcome = 'success' | 'success_reboot' | 'retry_later' | 'failed'
export type ExitMeaning = { outcome: ExitOutcome; text: string }
export const failed = (text: string): ExitMeaning => ({ outcome: 'failed', text })

/** Codes with the same meaning for all programs. */
export const WINDOWS: Readonly<Record<number, ExitMeaning>> = {
  0: { outcome: 'success', text: 'installed' },
  5: failed('access denied'),
  740: failed('the installer needs administrator rights'),
  1260: failed('blocked by a policy of this PC'),
  1601: failed('the Windows Installer service could not be reached'),
  1602: failed('the installation was cancelled'),
  1603: failed('fatal error during installation'),
  1605: failed('this product is not installed'),
  1612: failed('the source of the installed product is not available'),
  1613: failed('the package needs a newer Windows Installer'),
  1614: failed('the product is uninstalled'),
  1618: { outcome: 'retry_later', text: 'another installation is running' },
  1619: failed('the package could not be opened'),
  1620: failed('the package is not a valid Windows Installer package'),
  1622: failed('the log file could not be opened'),
  1623: failed('the language of this package is not supported'),
  1624: failed('a transform could not be applied'),
  1625: failed('forbidden by system policy'),
  1627: failed('a function of the installation failed'),
  1632: failed('the folder for temporary files is full or cannot be used'),
  1633: failed('this processor type is not supported'),
  1636: failed('the update package could not be opened'),
  1638: failed('another version of this product is already installed'),
  1639: failed('invalid command-line argument'),
  1641: { outcome: 'success_reboot', text: 'installed, a restart was started' },
  1642: failed('the update does not apply: the product is missing or of another version'),
  1643: failed('the update is forbidden by system policy'),
  1644: failed('a transform is forbidden by system policy'),
  3010: { outcome: 'success_reboot', text: 'installed, a restart is needed' },
  14001: failed('a shared component (Visual C++ runtime) is missing'),
}

/** Small numbers that programs also use for their own purposes: certain only inside an HRESULT. */
const WIN32: Readonly<Record<number, ExitMeaning>> = {
  2: failed('a file was not found'),
  3: failed('a folder was not found'),
  14: failed('out of memory'),
  32: failed('a file is in use by another program'),
  33: failed('a file is locked by another program'),
  50: failed('not supported'),
  87: failed('invalid parameter'),
  112: failed('there is not enough space on the disk'),
  126: failed('a library (DLL) was not found'),
  193: failed('not a program for this version of Windows'),
  216: failed('not made for the processor of this PC'),
  225: failed('blocked by the virus scanner'),
  1223: failed('cancelled by the user'),
  1392: failed('a file or folder is damaged'),
  1460: failed('timed out'),
  2147: failed('a restart is needed first'),
}

const STATUS: Readonly<Record<number, ExitMeaning>> = {
  0x00240005: { outcome: 'success_reboot', text: 'installed, a restart is needed' },
  0x00240006: { outcome: 'success', text: 'already installed' },
  0x80000003: failed('the program stopped at a breakpoint'),
  0x80004001: failed('not implemented'),
  0x80004003: failed('invalid pointer'),
  0x80004004: failed('aborted'),
  0x80004005: failed('unspecified error'),
  0x8000ffff: failed('unexpected failure'),
  0x80040154: failed('a component is not registered'),
  0x80073cf0: failed('the app package could not be opened'),
  0x80073cf3: failed(
    'the app package conflicts with another one, or something it needs is missing',
  ),
  0x80073cf9: failed('the app package could not be installed'),
  0x80073cfb: failed('another build of this version of the app is already installed'),
  0x80073d02: failed('the app is in use'),
  0x80073d06: failed('a newer version of the app is already installed'),
  0x800b0100: failed('the file is not signed'),
  0x800b0109: failed('the signature is not trusted on this PC'),
  0x80091007: failed('the file is damaged: its hash does not match'),
  0x80096010: failed('the file was changed after it was signed'),
  0x800f081f: failed('source files of Windows are missing'),
  0x800f0922: failed('the update could not be installed'),
  0x80240016: { outcome: 'retry_later', text: 'another installation is running' },
  0x80240017: failed('the update does not apply to this PC'),
  0x80242014: failed('an earlier update is waiting for a restart'),
  0xc0000005: failed('the installer crashed: access violation'),
  0xc0000017: failed('out of memory'),
  0xc000001d: failed('the installer crashed: illegal instruction'),
  0xc0000022: failed('access denied'),
  0xc000007b: failed('a library (DLL) does not match this program (32-bit or 64-bit)'),
  0xc0000094: failed('the installer crashed: division by zero'),
  0xc00000fd: failed('the installer crashed: stack overflow'),
  0xc0000135: failed('a library (DLL) was not found'),
  0xc0000138: failed('a library (DLL) lacks a function'),
  0xc0000139: failed('a library (DLL) lacks a function'),
  0xc000013a: failed('ended with Ctrl+C, or because Windows shut down'),
  0xc0000142: failed('a library (DLL) could not be initialised'),
  0xc0000374: failed('the installer crashed: damaged memory'),
  0xc0000409: failed('the installer crashed: it ended itself after an error in its memory'),
  0xc0000417: failed('the installer crashed: invalid parameter'),
  0xc000041d: failed('the installer crashed: unhandled exception'),
  0xc0000420: failed('the installer crashed: assertion failure'),
  0xc0000428: failed('the signature of a file is not valid'),
  0xc06d007e: failed('a library (DLL) was not found'),
  0xc06d007f: failed('a library (DLL) lacks a function'),
  0xe0434352: failed('the installer crashed: unhandled .NET exception'),
  0xe06d7363: failed('the installer crashed: unhandled C++ exception'),
}

/** A code as an unsigned 32-bit number: −2147021886 and 2147945410 are both 0x80070BC2. */
export const toUnsigned = (code: number): number =>
  Number.isInteger(code) && code < 0 && code >= -0x80000000 ? code + 0x100000000 : code

/** The Win32 code in an HRESULT (HRESULT_FROM_WIN32) or in the NTSTATUS equivalent; null: neither. */
const win32Of = (code: number): number | null => {
  const upper = Math.floor(code / 0x10000)
  return upper === 0x8007 || upper === 0xc007 ? code % 0x10000 : null
}

/** @param code unsigned. @returns undefined if the code is unknown */
export function windowsMeaning(code: number): ExitMeaning | undefined {
  const known = WINDOWS[code] ?? STATUS[code]
  if (known) return known
  const win32 = win32Of(code)
  return win32 === null || win32 === 0 ? undefined : (WINDOWS[win32] ?? WIN32[win32])
}

/** The Win32 code in an HRESULT, or the code itself. */
export const withoutFacility = (code: number): number => win32Of(code) ?? code

/** The usual notation of a code, as people look it up. */
export function formatExitCode(code: number): string {
  const unsigned = toUnsigned(code)
  if (unsigned < 0x80000000) return String(unsigned)
  // −1 and similar codes are not HRESULTs.
  if (unsigned >= 0xffff0000) return String(unsigned - 0x100000000)
  return `0x${unsigned.toString(16).toUpperCase()}`
}

/** Parses `3010`, `-2147021886`, `0x80070BC2` or `2147945410`. Null if it is not such a number. */
export function parseExitCode(text: string): number | null {
  const plain = text.trim().replace(/^[−–]/, '-')
  if (!/^(?:-?\d{1,10}|0x[0-9a-f]{1,8})$/i.test(plain)) return null
  const code = Number(plain)
  return code >= -0x80000000 && code <= 0xffffffff ? toUnsigned(code) : null
}
