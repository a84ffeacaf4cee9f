import fs from 'node:fs/promises'
import path from 'node:path'
import type { AfterPackContext, Configuration } from 'electron-builder'

/**
 * What a package is for. `release`: for users. `not-a-release`: built with the fallback Electron.
 * `inspectable`: built with the inspector fuse enabled, which Playwright needs.
 */
export type PackageVariant = 'release' | 'not-a-release' | 'inspectable'

export interface BuilderConfigOptions {
  variant?: PackageVariant
  /** An unpacked Electron to package instead of the release that electron-builder downloads. */
  electron?: { dist: string; version: string; isFallback: boolean }
}

/** Written next to the executable of every package that is not for users. */
export const noReleaseMarker = 'NOT-A-RELEASE.txt'

/**
 * Fuses in the executable (https://www.electronjs.org/docs/latest/tutorial/fuses): a packaged console cannot
 * run as plain Node, accepts neither options from the environment nor a debugger, and loads only its own
 * asar.
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

/** The fuses of a variant: those of a release, except the one that Playwright needs. */
export const fusesOf = (variant: PackageVariant) => ({
  ...releaseFuses,
  enableNodeCliInspectArguments: variant === 'inspectable',
})

/** The complete electron-builder configuration as data, so that it can be tested without packaging. */
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
      // Outside dist/, so that nobody uploads a test build by mistake.
      output: variant === 'release' ? 'dist' : `dist/${variant}`,
    },
    artifactName: `\${productName}-\${version}-\${os}-\${arch}${suffix}.\${ext}`,
    ...(electron && { electronDist: electron.dist, electronVersion: electron.version }),
    electronFuses: fusesOf(variant),
    // Chromium's own texts; the console's texts are inside the app.
    electronLanguages: ['en-US'],
    // The agents that the console offers for download; see package-agent.ts.
    extraResources: [
      {
        from: 'dist/agent',
        to: 'agents',
        filter: ['deployx-agent-*', 'SHA256SUMS', 'agents.json'],
      },
    ],
    // Only the native libraries stay outside the asar: its integrity check covers everything inside.
    asar: { smartUnpack: false },
    asarUnpack: ['**/*.node'],
    files: packagedFiles(electron?.isFallback ?? false),
    // desktopName ties windows to the launcher entry. A .deb needs a home page, and the project does not have
    // one yet.
    extraMetadata: { desktopName: 'deployx.desktop', homepage: 'https://deployx.invalid' },
    // better-sqlite3 ships prebuilt binaries for every platform, so there is nothing to compile.
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
      // xz takes minutes, too long for a test build.
      compression: variant === 'release' ? 'xz' : 'gz',
    },
  }
}

/**
 * The contents of the asar. Everything is bundled into `out/` except better-sqlite3, which adds its loader
 * and the target's prebuilt binary. The optional dependencies with Node for development are left out.
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
  // An Electron given as a folder contains a default app and a version file that do not belong in the
  // package.
  await fs.rm(path.join(packager.getResourcesDir(appOutDir), 'default_app.asar'), { force: true })
  await fs.rm(path.join(appOutDir, 'version'), { force: true })
  if (variant === 'release') return
  await fs.writeFile(
    path.join(appOutDir, noReleaseMarker),
    `This DeployX is not a release (${variant}). It was made for tests, on Electron ${packager.config.electronVersion}.\n` +
      'Do not distribute it.\n',
  )
}

export default createBuilderConfig()
