/** Small Windows installers as their tools build them. Nothing in them runs. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeInnoInstaller } from '../../main/controller/test-kit/windows/inno.ts'
import {
  HKLM,
  makeNsisInstaller,
  WRITE,
  type NsisInstruction,
} from '../../main/controller/test-kit/windows/nsis.ts'
import { makeMsiBytes, makeProgram } from '../../main/controller/test-kit/windows-packages.ts'

const write = async (folder: string, name: string, bytes: Buffer): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, bytes)
  return file
}

export type NsisFile = { name: string; version: string; fileName: string; question?: string }

/** @param file `question`: asked even in a silent run */
export async function writeNsis(folder: string, file: NsisFile): Promise<string> {
  const key = `Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\${file.name}`
  const values = {
    DisplayName: `${file.name} ${file.version}`,
    DisplayVersion: file.version,
    Publisher: 'Quarry Software',
    UninstallString: '"$21\\uninstall.exe"',
  }
  const entries = Object.entries(values).map(([name, value]): NsisInstruction => [
    WRITE,
    HKLM,
    key,
    name,
    value,
    1,
  ])
  const question: NsisInstruction[] = file.question ? [[22, 4, file.question, 0, 0, 0, 0]] : []
  const bytes = makeNsisInstaller({
    instructions: [...question, ...entries],
    installDir: '${folder 38 38}\\' + file.name,
    packing: 'lzma',
  })
  return await write(folder, file.fileName, bytes)
}

export const writeInno = (folder: string, fileName: string): Promise<string> =>
  write(
    folder,
    fileName,
    makeInnoInstaller({
      texts: {
        AppName: 'Maple Notes',
        AppId: '{{6D1A2C5E-0001}',
        AppPublisher: 'Maple Works',
        AppVersion: '6.1',
        DefaultDirName: '{autopf}\\Maple Notes',
      },
      format: '6.4.0',
      architectures: 'x64compatible',
    }),
  )

/** A package that installs for one user by default. */
export const writeMsi = (folder: string, fileName: string): Promise<string> =>
  write(
    folder,
    fileName,
    makeMsiBytes({
      properties: {
        ProductName: 'Basalt Viewer',
        ProductVersion: '3.0.21',
        Manufacturer: 'Basalt GmbH',
        ProductCode: '{11111111-2222-3333-4444-555555555555}',
        UpgradeCode: '{66666666-2222-3333-4444-555555555555}',
      },
      template: 'x64;1033',
    }),
  )

/** A program of which nothing is known but its name. */
export const writeProgram = (folder: string, fileName: string): Promise<string> =>
  write(
    folder,
    fileName,
    makeProgram({
      strings: {
        ProductName: 'Odd Setup',
        FileDescription: 'Odd Setup installer',
        ProductVersion: '1.0',
      },
    }),
  )
