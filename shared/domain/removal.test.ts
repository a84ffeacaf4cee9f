import { expect, it } from 'vitest'
import type { Detection } from '../contract/detection.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'
import { removalObstacle } from './removal.ts'

const dpkg: Detection = { type: 'dpkg', name: 'x', operator: 'ge' }
const rpm: Detection = { type: 'rpm', name: 'x', operator: 'ge' }
const entry: Detection = { type: 'uninstall_entry', name: 'x', operator: 'ge' }
const file: Detection = { type: 'file', path: '/x' }
const product: Detection = {
  type: 'msi_product',
  product_code: '{1234ABCD-12AB-34CD-56EF-1234567890AB}',
}

it.each<[InstallerKind, DevicePlatform, Detection | null, string | null, RegExp | null]>([
  ['msi', 'windows', product, null, null],
  ['exe', 'windows', entry, null, null],
  ['exe', 'windows', file, null, /neither a product code nor an entry/],
  ['msi', 'windows', null, null, /neither/],
  ['zip', 'windows', entry, null, null],
  ['zip', 'windows', file, 'remove.cmd', null],
  ['deb', 'linux', dpkg, null, null],
  ['deb', 'linux', file, null, /does not name the package/],
  ['rpm', 'linux', rpm, null, null],
  ['rpm', 'linux', dpkg, null, /does not name/],
  ['appimage', 'linux', null, null, null],
  ['sh', 'linux', file, null, /cannot remove what they installed/],
  ['tar', 'linux', dpkg, null, null],
  ['tar', 'linux', file, null, /no file in its archive/],
  ['tar', 'linux', file, 'remove.sh', null],
  [
    'pkg',
    'macos',
    { type: 'pkgutil', name: 'x', operator: 'ge' },
    null,
    /cannot remove what they installed/,
  ],
])(
  'finds the obstacle for %s on %s with the rule %j and the uninstall entry %s',
  (kind, platform, detection, remover, words) => {
    const archive = kind === 'zip' || kind === 'tar' ? { uninstall_entry: remover } : null
    const obstacle = removalObstacle({ kind, platform, detection, archive })
    if (words === null) expect(obstacle).toBeNull()
    else expect(obstacle).toMatch(words)
  },
)
