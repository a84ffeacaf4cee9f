/** Real Windows installers, built during the test with wixl (msitools) and makensis. */
import fs from 'node:fs/promises'
import path from 'node:path'
import { run } from '../support/run.ts'

const MAKE_TIMEOUT_MS = 180_000

export type MsiOptions = {
  name: string
  version?: string
  productCode: string
  /**
   * `fail`: its last step fails and it rolls back; `reboot`: it requests a restart; `wait`: it does not end.
   */
  behaviour?: 'fail' | 'reboot' | 'wait'
  /** 32-bit: registered under WOW6432Node. */
  win32?: boolean
  /** Shared by all versions of one product, so that the newer version replaces the older one. */
  upgrades?: string
}

async function make(command: string, args: string[], cwd: string): Promise<void> {
  const result = await run(command, args, { timeoutMs: MAKE_TIMEOUT_MS, cwd })
  if (result.code !== 0) throw new Error(`${command} failed: ${result.stdout}${result.stderr}`)
}

/** GUIDs that differ between packages but not between runs. */
const guidFrom = (productCode: string, digit: string): string => `{${digit}${productCode.slice(2)}`

const ACTIONS = {
  fail: '/c exit 5',
  wait: '/c ping -n 600 127.0.0.1',
}

function wxs(options: MsiOptions): string {
  const { name, version = '1.2.3', productCode, behaviour } = options
  const folder = name.replaceAll(' ', '')
  const action =
    behaviour === 'fail' || behaviour === 'wait'
      ? `<Property Id="CMDEXE" Value="C:\\windows\\system32\\cmd.exe" />
    <CustomAction Id="CAct" Property="CMDEXE" ExeCommand="${ACTIONS[behaviour]}" Execute="deferred" Return="check" Impersonate="no" />
    <InstallExecuteSequence><Custom Action="CAct" After="InstallFiles">NOT Installed</Custom></InstallExecuteSequence>`
      : behaviour === 'reboot'
        ? '<InstallExecuteSequence><ScheduleReboot After="InstallFinalize" /></InstallExecuteSequence>'
        : ''
  const upgrade = options.upgrades
    ? '<MajorUpgrade DowngradeErrorMessage="A newer version is installed." />'
    : ''
  const [where, win64] = options.win32
    ? ['ProgramFilesFolder', 'no']
    : ['ProgramFiles64Folder', 'yes']
  return `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="${productCode}" Name="${name}" Language="1033" Version="${version}" Manufacturer="Ann Onym GmbH" UpgradeCode="${options.upgrades ?? guidFrom(productCode, 'A')}">
    <Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine" Comments="made for a test" />
    <Media Id="1" Cabinet="one.cab" EmbedCab="yes" />
    ${upgrade}
    ${action}
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="${where}">
        <Directory Id="INSTALLDIR" Name="${folder}">
          <Component Id="CMain" Guid="${guidFrom(productCode, 'B')}" Win64="${win64}">
            <File Id="FHello" Name="hello.txt" Source="hello.txt" KeyPath="yes" />
            <RegistryValue Root="HKLM" Key="Software\\AnnOnym\\${folder}" Name="Version" Type="string" Value="${version}" />
          </Component>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="Main" Level="1"><ComponentRef Id="CMain" /></Feature>
  </Product>
</Wix>
`
}

/** @returns path of the package in `folder` */
export async function makeMsi(folder: string, options: MsiOptions): Promise<string> {
  const { name, version, upgrades } = options
  const stem = `${name} ${upgrades ? version : ''}`.trim().replaceAll(' ', '-').toLowerCase()
  await fs.writeFile(
    path.join(folder, 'hello.txt'),
    `hello from ${name}${upgrades ? ` ${version}` : ''}\n`,
  )
  await fs.writeFile(path.join(folder, `${stem}.wxs`), wxs(options))
  const arch = options.win32 ? 'x86' : 'x64'
  await make('wixl', ['-a', arch, '-o', `${stem}.msi`, `${stem}.wxs`], folder)
  return path.join(folder, `${stem}.msi`)
}

export type NsisOptions = {
  name: string
  version?: string
  exitCode?: number
  /** Starts one program whose parent exits immediately and one that it waits for; neither ends. */
  hangs?: boolean
}

/**
 * A 64-bit installer, because Wine without its 32-bit part runs only those. @returns path of the program in `folder`
 */
export async function makeNsis(folder: string, options: NsisOptions): Promise<string> {
  const { name, version = '2.5.0', exitCode = 0 } = options
  const id = name.replaceAll(' ', '')
  const stem = name.replaceAll(' ', '-').toLowerCase()
  const key = `Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\${id}`
  const keys = [
    `DisplayName" "${name}"`,
    `DisplayVersion" "${version}"`,
    'Publisher" "Ann Onym GmbH"',
    `UninstallString" '"$INSTDIR\\uninstall.exe"'`,
    `QuietUninstallString" '"$INSTDIR\\uninstall.exe" /S'`,
  ].map((rest) => `  WriteRegStr HKLM "${key}" "${rest}`)
  const hang = `  Exec '"$SYSDIR\\cmd.exe" /c start /b ping -n 601 127.0.0.1'\n  ExecWait '"$SYSDIR\\cmd.exe" /c ping -n 602 127.0.0.1'`
  const script = `Unicode true
Target amd64-unicode
Name "${name}"
OutFile "${stem}-setup.exe"
InstallDir "$PROGRAMFILES64\\${id}"
RequestExecutionLevel admin
VIProductVersion "${version}.0"
VIAddVersionKey ProductName "${name}"
VIAddVersionKey CompanyName "Ann Onym GmbH"
VIAddVersionKey FileVersion "${version}"
VIAddVersionKey ProductVersion "${version}"
VIAddVersionKey FileDescription "${name} Setup"
VIAddVersionKey LegalCopyright "Ann Onym"
Page instfiles
UninstPage instfiles
Section
  SetRegView 64
  SetOutPath "$INSTDIR"
${options.hangs ? hang : ''}
  File "hello.txt"
  WriteUninstaller "$INSTDIR\\uninstall.exe"
${keys.join('\n')}
  SetErrorLevel ${exitCode}
SectionEnd
Section "Uninstall"
  SetRegView 64
  Delete "$INSTDIR\\hello.txt"
  Delete "$INSTDIR\\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${key}"
SectionEnd
`
  await fs.writeFile(path.join(folder, 'hello.txt'), `hello from ${name}\n`)
  await fs.writeFile(path.join(folder, `${stem}.nsi`), script)
  await make('makensis', ['-V2', '-INPUTCHARSET', 'UTF8', `${stem}.nsi`], folder)
  return path.join(folder, `${stem}-setup.exe`)
}
