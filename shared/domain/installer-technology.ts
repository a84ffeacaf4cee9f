/**
 * The tool that built a Windows installer, and how such installers run silently. Only suggestions: people choose the switches.
 * Sources: the manuals of the tools (nsis.sourceforge.io/Docs/Chapter3.html,
 * jrsoftware.org/ishelp topic "Setup Command Line Parameters", docs.firegiant.com/wix "Burn", docs.revenera.com/installshield
 * "Setup.exe and Update.exe Command-Line Parameters", github.com/Squirrel/Squirrel.Windows).
 */
import { z } from 'zod'

export const INSTALLER_TECHNOLOGIES = {
  nsis: { name: 'NSIS', silentArgs: '/S', note: null },
  inno: {
    name: 'Inno Setup',
    silentArgs: '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP- /RESTARTEXITCODE=3010',
    note: null,
  },
  burn: { name: 'WiX bundle', silentArgs: '/quiet /norestart', note: null },
  installshield: {
    name: 'InstallShield',
    silentArgs: '/s /v/qn',
    note: 'Older ones need a response file instead.',
  },
  squirrel: {
    name: 'Squirrel',
    silentArgs: '--silent',
    note: 'It installs for one user only. Look for an installer for all users.',
  },
  sevenzip: {
    name: '7-Zip self-extractor',
    silentArgs: null,
    note: 'Which arguments it takes depends on what is inside.',
  },
} as const satisfies Record<
  string,
  { name: string; silentArgs: string | null; note: string | null }
>
export type InstallerTechnology = keyof typeof INSTALLER_TECHNOLOGIES
export const InstallerTechnology = z.enum(
  Object.keys(INSTALLER_TECHNOLOGIES) as [InstallerTechnology, ...InstallerTechnology[]],
)

/** Everything that a reader can name, with its name for people. Packages are their own technology. */
export const KNOWN_TECHNOLOGIES = {
  none: null,
  nsis: 'NSIS',
  inno: 'Inno Setup',
  burn: 'WiX bundle',
  installshield: 'InstallShield',
  squirrel: 'Squirrel',
  velopack: 'Velopack',
  advanced: 'Advanced Installer',
  sevenzip: '7-Zip self-extractor',
  rar: 'WinRAR self-extractor',
  iexpress: 'IExpress',
  jpackage: 'jpackage',
  msi: 'Windows Installer package',
  msp: 'Windows Installer patch',
  msu: 'Windows update',
  msix: 'MSIX package',
  deb: 'Debian package',
  rpm: 'RPM package',
  pkg: 'macOS installer package',
  dmg: 'macOS disk image',
  appimage: 'AppImage',
  makeself: 'makeself archive',
} as const satisfies Record<string, string | null>
export type KnownTechnology = keyof typeof KNOWN_TECHNOLOGIES
export const KnownTechnology = z.enum(
  Object.keys(KNOWN_TECHNOLOGIES) as [KnownTechnology, ...KnownTechnology[]],
)
