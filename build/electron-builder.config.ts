import fs from 'node:fs/promises'
import path from 'node:path'
import type { AfterPackContext, Configuration } from 'electron-builder'

/**
 * What a package is good for:
 * `release` for users; `not-a-release` made with the stand-in Electron; `inspectable` with the one fuse that
 * Playwright needs left on.
 */
export type PackageVariant = 'release' | 'not-a-release' | 'inspectable'

export interface BuilderConfigOptions {
  variant?: PackageVariant
  /** An unpacked Electron to package instead of the release that electron-builder fetches, and its version. */
  electron?: { dist: string; version: string; isFallback: boolean }
}

/** Lies beside the executable of everything that is not for users. */
export const noReleaseMarker = 'NOT-A-RELEASE.txt'

/**
 * Switches inside the executable (https://www.electronjs.org/docs/latest/tutorial/fuses): a packaged console cannot be
 * turned into a plain Node, takes no options from the environment and no debugger, and loads nothing but its own asar.
 */
export const releaseFuses = {
  runAsNode: false,
  enableCookieEncryption: true,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableEmbeddedAsarIntegrityValidation: true,
  onlyLoadAppFromAsar: true,
  loadBrowserProcessSpecificV8Snapshot: false,
  grantFileProtocolExtraPrivileges: false,
} as const

/** Those of a package: all as in a release, but for the one that Playwright needs. */
export const fusesOf = (variant: PackageVariant) => ({
  ...releaseFuses,
  enableNodeCliInspectArguments: variant === 'inspectable',
})

/** The whole of electron-builder's configuration, as data, so that it can be tested without packaging. */
export function createBuilderConfig(options: BuilderConfigOptions = {}): Configuration {
  const variant = options.variant ?? 'release'
  const suffix = variant === 'release' ? '' : `-${variant.toUpperCase()}`
  const electron = options.electron
  return {
    appId: 'io.deployx.console',
    productName: 'DeployX',
    copyright: 'Copyright © The DeployX authors',
    directories: {
      buildResources: 'build',
      // Apart from dist/ itself, so that nobody uploads one for the other.
      output: variant === 'release' ? 'dist' : `dist/${variant}`,
    },
    artifactName: `\${productName}-\${version}-\${os}-\${arch}${suffix}.\${ext}`,
    ...(electron && { electronDist: electron.dist, electronVersion: electron.version }),
    electronFuses: fusesOf(variant),
    // Chromium's own texts; the console's are inside the app.
    electronLanguages: ['en-US'],
    // The agents that the console hands out; see package-agent.ts.
    extraResources: [
      {
        from: 'dist/agent',
        to: 'agents',
        filter: ['deployx-agent-*', 'SHA256SUMS', 'agents.json'],
      },
    ],
    // Only the libraries lie outside the asar: what is inside is covered by its integrity check.
    asar: { smartUnpack: false },
    asarUnpack: ['**/*.node'],
    files: packagedFiles(electron?.isFallback ?? false),
    // desktopName ties windows to the launcher entry; a deb needs a home page, which the project does not have yet.
    extraMetadata: { desktopName: 'deployx.desktop', homepage: 'https://deployx.invalid' },
    // better-sqlite3 ships prebuilds for every platform: nothing to compile.
    npmRebuild: false,
    publish: null,
    afterPack: (context) => finishPackage(context, variant),

    win: {
      icon: 'build/icons/app/deployx.ico',
      target: [
        { target: 'nsis', arch: ['x64', 'arm64'] },
        { target: 'portable', arch: ['x64'] },
      ],
    },
    nsis: {
      artifactName: `\${productName}-\${version}-\${os}-\${arch}-setup${suffix}.\${ext}`,
      oneClick: false,
      perMachine: true,
      allowToChangeInstallationDirectory: true,
      include: 'build/installer/firewall.nsh',
      deleteAppDataOnUninstall: false,
      installerLanguages: ['en_US'],
    },
    portable: {
      artifactName: `\${productName}-\${version}-\${os}-\${arch}-portable${suffix}.\${ext}`,
      requestExecutionLevel: 'user',
    },

    mac: {
      icon: 'build/icons/app/deployx.icns',
      category: 'public.app-category.utilities',
      target: [
        { target: 'dmg', arch: ['x64', 'arm64'] },
        { target: 'zip', arch: ['x64', 'arm64'] },
      ],
      hardenedRuntime: true,
      extendInfo: {
        NSLocalNetworkUsageDescription:
          'DeployX listens for the agents on the PCs of this network and finds them.',
        NSBonjourServices: ['_deployx._tcp'],
      },
    },

    linux: {
      icon: 'build/icons/app/linux',
      executableName: 'deployx',
      category: 'System',
      synopsis: 'Put software on every PC of an office over the LAN',
      maintainer: 'The DeployX authors <maintainers@deployx.invalid>',
      target: ['deb', 'AppImage', 'tar.gz', 'dir'],
      syncDesktopName: true,
    },
    deb: {
      packageCategory: 'admin',
      // xz takes minutes: not for what is thrown away after a test.
      compression: variant === 'release' ? 'xz' : 'gz',
    },
  }
}

/**
 * What goes into the asar. Everything is bundled into `out/` but better-sqlite3, of which the loader and the target's
 * own prebuild are taken. The optional dependencies that bring Node for development stay out.
 */
function packagedFiles(withFallbackAddon: boolean): string[] {
  const sqlite = 'node_modules/better-sqlite3'
  return [
    'package.json',
    'LICENSE',
    'docs/guides/first-deployment.md',
    'out/**',
    '!out/.build.json',
    '!**/*.map',
    'main/controller/store/migrations/**',
    'build/icons/tray/*',
    'build/icons/app/linux/256x256.png',
    '!node_modules/**',
    `${sqlite}/{package.json,LICENSE}`,
    `${sqlite}/lib/**`,
    `${sqlite}/prebuilds/\${platform}-\${arch}.node`,
    ...(withFallbackAddon ? [`${sqlite}/build/Release/better_sqlite3.node`] : []),
  ]
}

async function finishPackage(context: AfterPackContext, variant: PackageVariant): Promise<void> {
  const { appOutDir, packager } = context
  // An Electron given as a folder brings its stand-in app and its version note along.
  await fs.rm(path.join(packager.getResourcesDir(appOutDir), 'default_app.asar'), { force: true })
  await fs.rm(path.join(appOutDir, 'version'), { force: true })
  if (variant === 'release') return
  await fs.writeFile(
    path.join(appOutDir, noReleaseMarker),
    `This DeployX is not a release (${variant}). It was made for tests, on Electron ${packager.config.electronVersion}.\n` +
      'Do not give it to anybody.\n',
  )
}

export default createBuilderConfig()
