/** Samples: Debian 12, Fedora 40 and Ubuntu 24.04. */
import { describe, expect, it } from 'vitest'
import { parseLoginctl, parseMounts, parseOsRelease, parseWho } from './linux.ts'
import { parseDpkg, parseRpm } from './packages.ts'

describe('packages', () => {
  it("are read from dpkg: the installed ones, without the maintainer's address", () => {
    const text = [
      'installed\tadduser\tall\t3.134\tDebian Adduser Developers <adduser@packages.debian.org>',
      'installed\tlibc6\tamd64\t2.36-9+deb12u7\tGNU Libc Maintainers <debian-glibc@lists.debian.org>',
      'installed\tlibc6\ti386\t2.36-9+deb12u7\tGNU Libc Maintainers <debian-glibc@lists.debian.org>',
      'config-files\told-kernel\tamd64\t6.1.0-1\tDebian Kernel Team <k@example.org>',
      'half-configured\tbroken\tamd64\t1\tX',
      'installed\tin-house\tall\t1.0\t',
      '',
    ].join('\n')
    expect(parseDpkg(text)).toMatchObject([
      { key: 'dpkg:adduser:all', version: '3.134', publisher: 'Debian Adduser Developers' },
      { key: 'dpkg:libc6:amd64', name: 'libc6' },
      { key: 'dpkg:libc6:i386', name: 'libc6' },
      { key: 'dpkg:in-house:all', publisher: null },
    ])
  })

  it('are read from rpm: several versions of one package, but no signing keys', () => {
    const text = [
      'gpg-pubkey\t0\ta15b79cc\t63d04c2c\t(none)\t1700000000\t(none)',
      'kernel\t0\t6.8.5\t301.fc40\tx86_64\t1712700000\tFedora Project',
      'kernel\t0\t6.9.7\t200.fc40\tx86_64\t1719800000\tFedora Project',
      'vim-enhanced\t2\t9.1.393\t1.fc40\tx86_64\t1715000000\tFedora Project',
      'in-house\t0\t1\t1\tnoarch\t0\t(none)',
      '',
    ].join('\n')
    expect(parseRpm(text)).toMatchObject([
      { key: 'rpm:kernel-6.8.5-301.fc40.x86_64', version: '6.8.5-301.fc40' },
      { key: 'rpm:kernel-6.9.7-200.fc40.x86_64', installed_on: '2024-07-01' },
      { version: '2:9.1.393-1.fc40', publisher: 'Fedora Project', installed_on: '2024-05-06' },
      { name: 'in-house', publisher: null, installed_on: null },
    ])
  })
})

describe('mounts', () => {
  it('are the disks of this PC, each once, with the shortest path', () => {
    const text = [
      '22 27 0:21 / /proc rw,relatime - proc proc rw',
      '27 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro',
      '90 27 259:2 /srv /var/chroot/srv rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw',
      '31 27 259:1 / /boot/efi rw,relatime shared:2 - vfat /dev/nvme0n1p1 rw',
      '40 27 0:45 /@home /home rw,relatime shared:9 - btrfs /dev/sdb1 rw,subvol=/@home',
      '41 27 0:46 /@ /mnt/pool rw,relatime shared:9 - btrfs /dev/sdb1 rw,subvol=/@',
      '50 27 7:3 / /snap/core/1 ro,nodev shared:3 - squashfs /dev/loop3 ro',
      '60 27 0:60 / /mnt/share rw shared:4 - nfs4 server:/export rw',
      '70 27 8:17 / /media/anna/USB\\040STICK rw shared:5 - fuseblk /dev/sdc1 rw',
      '80 27 0:70 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
      'nonsense',
    ].join('\n')
    expect(parseMounts(text)).toEqual([
      { mount: '/', device: '/dev/nvme0n1p2', file_system: 'ext4' },
      { mount: '/boot/efi', device: '/dev/nvme0n1p1', file_system: 'vfat' },
      { mount: '/home', device: '/dev/sdb1', file_system: 'btrfs' },
      { mount: '/media/anna/USB STICK', device: '/dev/sdc1', file_system: null },
    ])
  })
})

describe('the signed-in users', () => {
  it('are read from loginctl, without idle login screens', () => {
    const text = [
      '      1   120 gdm       seat0 tty1',
      '      3  1000 anna      seat0 tty2  active no  -',
      '     c2     0 root            pts/0 active yes 5min ago',
      '',
    ].join('\n')
    expect(parseLoginctl(text)).toEqual(['anna', 'root'])
  })
  it('are read from who', () => {
    const text =
      'anna     tty2         2026-11-20 08:12 (tty2)\nbob      pts/1        2026-11-20 09:00\n'
    expect(parseWho(text)).toEqual(['anna', 'bob'])
    expect(parseWho('')).toEqual([])
  })
})

describe('the system', () => {
  it('is read from os-release, with and without quotes', () => {
    expect(
      parseOsRelease(
        'PRETTY_NAME="Ubuntu 24.04 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nVERSION="24.04 LTS (Noble Numbat)"\n',
      ),
    ).toEqual({ name: 'Ubuntu', version: '24.04 LTS (Noble Numbat)' })
    expect(parseOsRelease("NAME='Arch Linux'\n")).toEqual({ name: 'Arch Linux', version: null })
  })
})
