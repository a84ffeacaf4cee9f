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
    silentArgs: '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-',
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
    note: 'It installs for one user only. Look for an installer for the whole PC.',
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
