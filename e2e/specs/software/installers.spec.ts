/** Installers of several kinds are dropped onto the window: what the console knows about them, and how sure it is. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApi, signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeInno, writeMsi, writeNsis, writeProgram } from '../../support/installers.ts'
import { writeDeb } from '../../support/packages.ts'
import { openBrowserWindow } from '../../support/second-window.ts'
import { setUp, signIn as signInToConsole } from '../../pages/account.ts'
import { dropFiles, levelOf, saveDetails, softwareRow, uploadOf } from '../../pages/software.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { openWizard, softwareItem } from '../../pages/wizard.ts'

const QUARRY = { name: 'Quarry', version: '1.0', fileName: 'quarry-1.0.exe' }

test('dropped installers show what is known, what goes wrong, and the command', async ({
  launch,
  folder,
}) => {
  const { page } = await launch()
  await setUp(page)
  const question = 'Replace the old settings?'
  await dropFiles(page, [
    await writeNsis(folder, QUARRY),
    await writeNsis(folder, { name: 'Loud', version: '2.0', fileName: 'loud.exe', question }),
    await writeInno(folder, 'maple-6.1.exe'),
    await writeMsi(folder, 'basalt.msi'),
    await writeDeb(folder, { name: 'dx-slate', version: '1.4', architecture: 'amd64' }),
    await writeProgram(folder, 'odd.exe'),
  ])
  await expect(page.getByTestId('readout-form')).toHaveCount(6)

  const plain = uploadOf(page, QUARRY.fileName)
  await expect(plain.getByTestId('readout-name')).toHaveValue('Quarry 1.0')
  await expect(levelOf(plain, 'Name')).toHaveText('Read')
  await expect(plain.getByTestId('readout-knowledge')).toContainText('NSIS · for all users')
  await expect(plain.getByTestId('readout-args')).toHaveValue('/S')
  await expect(levelOf(plain, 'Arguments')).toHaveText('Usual')
  await expect(plain.getByTestId('readout-preview')).toHaveText('quarry-1.0.exe /S')
  await expect(plain.getByTestId('readout-detect-key')).toHaveValue('Quarry')
  await expect(levelOf(plain, 'Detection rule')).toHaveText('Read')
  await expect(plain.getByTestId('readout-removal')).toContainText(
    '"%ProgramFiles%\\Quarry\\uninstall.exe" /S',
  )
  await expect(plain.getByTestId('readout-warning')).toHaveCount(0)
  await levelOf(plain, 'Arguments').hover()
  await expect(page.getByText('Usual for NSIS; the switch is case-sensitive').first()).toBeVisible()

  const loud = uploadOf(page, 'loud.exe')
  await expect(loud.getByTestId('readout-heading')).toContainText('read the notes')
  await expect(loud.getByTestId('readout-warning')).toHaveAttribute('data-code', 'may_wait')
  await expect(loud.getByTestId('readout-warning')).toContainText(question)

  const inno = uploadOf(page, 'maple-6.1.exe')
  await expect(inno.getByTestId('readout-preview')).toHaveText(
    'maple-6.1.exe /VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP- /RESTARTEXITCODE=3010',
  )
  await expect(inno.getByTestId('readout-codes')).toHaveValue('0, 3010')
  await expect(levelOf(inno, 'Architecture')).toHaveText('Read')
  await expect(inno.getByTestId('readout-detect-key')).toHaveValue('{6D1A2C5E-0001}_is1')

  const msi = uploadOf(page, 'basalt.msi')
  await expect(msi.getByTestId('readout-knowledge')).toContainText('with ALLUSERS=1')
  await expect(msi.getByTestId('readout-warning')).toHaveCount(0)
  await msi.getByTestId('readout-args').fill('')
  await expect(msi.getByTestId('readout-warning')).toHaveAttribute('data-code', 'per_user')
  await msi.getByTestId('readout-all-users').click()
  await expect(msi.getByTestId('readout-preview')).toHaveText(
    /^msiexec \/i basalt\.msi \/qn \/norestart .*ALLUSERS=1$/,
  )
  await expect(msi.getByTestId('readout-removal')).toContainText('msiexec /x {11111111-')

  const deb = uploadOf(page, 'dx-slate_1.4_amd64.deb')
  await expect(deb.getByTestId('readout-preview')).toContainText('apt-get install')
  await expect(deb.getByTestId('readout-detect-name')).toHaveValue('dx-slate')
  await expect(levelOf(deb, 'Detection rule')).toHaveText('Read')

  const odd = uploadOf(page, 'odd.exe')
  await expect(odd.getByTestId('readout-no-switch')).toBeVisible()
  await expect(odd.getByTestId('readout-save')).toHaveText('Keep without a silent switch')
  await saveScreenshot(page, 'installers-dropped')

  for (const upload of [plain, loud, inno, msi, deb, odd]) await saveDetails(upload)
  await goTo(page, 'software')
  await expect(page.getByTestId('software-row')).toHaveCount(6)
  await expect(page.getByTestId('row-no-switch')).toHaveCount(1)
  await expect(softwareRow(page, 'Odd Setup').getByTestId('row-no-switch')).toBeVisible()
})

test('a file that the library has, and a new version of a product, are recognised', async ({
  launch,
  folder,
}) => {
  const app = await launch()
  const { page } = app
  await setUp(page)
  const api = await signIn(app.consoleUrl)
  const password = 'correct horse battery'
  for (const username of ['ben', 'carla'])
    await api.call('users.create', {
      body: { username, password, role: 'technician', must_change_password: false },
    })
  const first = await writeNsis(folder, QUARRY)
  const deb = await writeDeb(folder, { name: 'dx-slate', version: '1.4' })
  await api.upload(deb, { name: 'Slate for all' })
  const { token } = await api.call('auth.login', { body: { username: 'ben', password } })
  await createApi(app.consoleUrl, token).upload(await writeInno(folder, 'maple-6.1.exe'))

  await dropFiles(page, [first])
  await saveDetails(uploadOf(page, QUARRY.fileName))

  await dropFiles(page, [first])
  await expect(page.getByTestId('upload-existing')).toContainText('Quarry 1.0')
  await page.getByTestId('upload-open-existing').click()
  await expect(page.getByTestId('software-sheet')).toContainText('quarry-1.0.exe /S')
  await closeSheet(page)

  // The same file with other details is an entry of its own, unless a person decides otherwise.
  await dropFiles(page, [deb])
  const second = uploadOf(page, 'dx-slate_1.4_all.deb')
  await expect(second.getByTestId('readout-arrival')).toContainText('Already in the library')
  await expect(second.getByTestId('readout-open-other')).toHaveText('Open Slate for all 1.4')
  await second.getByTestId('readout-discard').click()
  await expect(second).toHaveCount(0)
  await expect(softwareRow(page, 'dx-slate')).toHaveCount(0)

  await dropFiles(page, [
    await writeNsis(folder, { ...QUARRY, version: '2.0', fileName: 'quarry-2.0.exe' }),
  ])
  const newer = uploadOf(page, 'quarry-2.0.exe')
  await expect(newer.getByTestId('readout-arrival')).toContainText('A newer version of Quarry 1.0.')
  await saveScreenshot(page, 'installers-new-version')
  await saveDetails(newer)
  await goTo(page, 'software')
  const row = softwareRow(page, 'Quarry 2.0')
  await expect(row).toBeVisible()
  await expect(softwareRow(page, 'Quarry 1.0')).toHaveCount(0)
  await row.getByTestId('older-versions').click()
  await expect(softwareRow(page, 'Quarry 1.0')).toBeVisible()
  await softwareRow(page, 'Quarry 1.0').click()
  await expect(page.getByTestId('software-version-item')).toContainText('2.0')
  await closeSheet(page)
  await openWizard(page)
  await expect(softwareItem(page, 'Quarry 2.0')).toBeVisible()
  await expect(softwareItem(page, 'Quarry 1.0')).toHaveCount(0)

  // Nobody learns from an upload what somebody else has.
  const other = await openBrowserWindow(app)
  await signInToConsole(other, { username: 'carla', password })
  await dropFiles(other, [await writeInno(folder, 'maple-6.1.exe')])
  const own = uploadOf(other, 'maple-6.1.exe')
  await expect(own.getByTestId('readout-name')).toHaveValue('Maple Notes')
  await expect(own.getByTestId('readout-arrival')).toHaveCount(0)
})

test('a manifest adds what an installer does not say, and what it loads from elsewhere is only offered', async ({
  launch,
  folder,
}) => {
  const { page } = await launch()
  await setUp(page)
  const manifestOf = (installer: string, fileName: string, silent: string): string => {
    const sha256 = createHash('sha256').update(readFileSync(installer)).digest('hex')
    const file = join(folder, fileName)
    writeFileSync(
      file,
      `PackageIdentifier: Ann.Onyx\nPackageName: Onyx\nPackageVersion: '3.1'\nPublisher: Onyx Ltd\nInstallers:\n- InstallerSha256: ${sha256}\n  InstallerSwitches: {Silent: '${silent}'}\n  InstallerSuccessCodes: [3010]\n`,
    )
    return file
  }

  const odd = await writeProgram(folder, 'odd.exe')
  const args = '/quiet /config=https://example.com/onyx.xml'
  await dropFiles(page, [odd, manifestOf(odd, 'onyx.yaml', args)])
  await expect(page.getByTestId('upload-item')).toHaveCount(1)
  const onyx = uploadOf(page, 'odd.exe')
  await expect(onyx.getByTestId('readout-name')).toHaveValue('Onyx')
  await levelOf(onyx, 'Name').hover()
  await expect(page.getByText('Usual for manifest (winget)').first()).toBeVisible()
  await expect(onyx.getByTestId('readout-args')).toHaveValue('')
  await expect(onyx.getByTestId('readout-remote-args')).toContainText(args)
  await onyx.getByTestId('readout-use-remote-args').click()
  await expect(onyx.getByTestId('readout-preview')).toHaveText(`odd.exe ${args}`)
  await expect(onyx.getByTestId('readout-remote-args')).toHaveCount(0)
  await saveDetails(onyx)

  const quarry = await writeNsis(folder, QUARRY)
  await dropFiles(page, [quarry])
  const upload = uploadOf(page, QUARRY.fileName)
  await expect(upload.getByTestId('readout-name')).toHaveValue('Quarry 1.0')
  await expect(upload.getByTestId('readout-codes')).toHaveValue('')
  await dropFiles(page, [manifestOf(quarry, 'quarry.yaml', '/other')])
  await expect(upload.getByTestId('readout-codes')).toHaveValue('0, 3010')
  await expect(upload.getByTestId('readout-name')).toHaveValue('Quarry 1.0')
  await expect(upload.getByTestId('readout-args')).toHaveValue('/S')
  await saveDetails(upload)
  await goTo(page, 'software')
  await expect(page.getByTestId('software-row')).toHaveCount(2)
})
