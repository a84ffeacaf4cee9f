// The app that Electron starts when it has none of its own: `electron [options] <folder or file>` loads that
// app. A release of Electron contains such a program; the fallback from the registry does not, so this one is
// packed into it as resources/default_app.asar. It does only what `electron .`, electron-vite and Playwright
// rely on.
import { app } from 'electron'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const requireFromHere = createRequire(path.join(process.cwd(), 'electron-default-app.js'))
const { preloads, target, wantsVersion } = parse(process.argv.slice(1))

if (wantsVersion) {
  console.log(`v${process.versions.electron}`)
  process.exit(0)
}
for (const file of preloads) requireFromHere(file)
if (target === undefined) fail('usage: electron [options] <folder or file of an app>')

const location = path.resolve(target)
describeApp(location)
let entry
try {
  entry = requireFromHere.resolve(location)
} catch (error) {
  fail(`cannot find the app ${location}: ${error.message}`)
}
try {
  // Electron does not emit `ready` before this module is evaluated, so the app can still register schemes.
  await import(pathToFileURL(entry).href)
} catch (error) {
  fail(`the app threw an error while it was loaded: ${error?.stack ?? error}`)
}

function parse(args) {
  const result = { preloads: [], target: undefined, wantsVersion: false }
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index]
    if (arg === '-r' || arg === '--require') result.preloads.push(args[(index += 1)])
    else if (arg === '-v' || arg === '--version') result.wantsVersion = true
    else if (!arg.startsWith('-')) {
      result.target = arg // everything after this belongs to the app
      break
    }
  }
  return result
}

function describeApp(folder) {
  Object.defineProperty(process, 'defaultApp', { enumerable: true, value: true })
  const manifest = path.join(folder, 'package.json')
  if (!fs.existsSync(manifest)) {
    app.setAppPath(path.dirname(folder))
    return
  }
  const { desktopName, name, productName, version } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  if (version) app.setVersion(version)
  if (productName || name) app.name = productName || name
  app.setDesktopName(desktopName ?? `${app.name}.desktop`)
  app.setAppPath(folder)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
