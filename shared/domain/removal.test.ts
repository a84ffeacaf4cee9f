import { expect, it } from 'vitest'
import type { Detection } from '../contract/detection.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'
import { removalObstacle, type RemovalObstacle } from './removal.ts'

const dpkg: Detection = { type: 'dpkg', name: 'x', operator: 'ge' }
const rpm: Detection = { type: 'rpm', name: 'x', operator: 'ge' }
const entry: Detection = { type: 'uninstall_entry', name: 'x', operator: 'ge' }
const file: Detection = { type: 'file', path: '/x' }
const product: Detection = {
  type: 'msi_product',
  product_code: '{1234ABCD-12AB-34CD-56EF-1234567890AB}',
}

it.each<[InstallerKind, DevicePlatform, Detection | null, string | null, RemovalObstacle | null]>([
  ['msi', 'windows', product, null, null],
  ['exe', 'windows', entry, null, null],
  ['exe', 'windows', file, null, 'removal_needs_windows_rule'],
  ['msi', 'windows', null, null, 'removal_needs_windows_rule'],
  ['zip', 'windows', entry, null, null],
  ['zip', 'windows', file, 'remove.cmd', null],
  ['deb', 'linux', dpkg, null, null],
  ['deb', 'linux', file, null, 'removal_needs_package'],
  ['rpm', 'linux', rpm, null, null],
  ['rpm', 'linux', dpkg, null, 'removal_needs_package'],
  ['appimage', 'linux', null, null, null],
  ['sh', 'linux', file, null, 'removal_impossible'],
  ['tar', 'linux', dpkg, null, null],
  ['tar', 'linux', file, null, 'removal_needs_file'],
  ['tar', 'linux', file, 'remove.sh', null],
  ['pkg', 'macos', { type: 'pkgutil', name: 'x', operator: 'ge' }, null, 'removal_impossible'],
])(
  'finds the obstacle for %s on %s with the rule %j and the uninstall entry %s',
  (kind, platform, detection, remover, expected) => {
    const archive = kind === 'zip' || kind === 'tar' ? { uninstall_entry: remover } : null
    expect(removalObstacle({ kind, platform, detection, archive })).toBe(expected)
  },
)
