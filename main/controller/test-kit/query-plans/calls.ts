/** Calls of all repositories. */
import { deploymentCalls } from './calls-deployments.ts'
import type { Calls } from './rows.ts'
import * as w from './rows.ts'
import { inventoryOf } from '../inventories.ts'

const everyone = { actorId: null }
const page = { limit: 10, offset: 0 }
const facts = {
  name: 'PC-1',
  platform: 'linux',
  arch: 'x64',
  os_version: 'Debian 13',
  agent_version: '0.1.0',
  free_disk_bytes: 1,
} as const
const answered = {
  user_id: w.USER,
  request_id: 'r',
  route: 'deployments.create',
  fingerprint: 'f',
  subject_id: 1,
  answer: '{}',
  at_ms: 1,
}
const update = {
  device_id: w.DEVICE,
  version: '1',
  sequence: 1,
  state: 'ordered',
  message: '',
  message_code: null,
  message_params: null,
  tries: 1,
  changed_at_ms: 1,
  not_before_ms: 1,
} as const
const content = {
  sha256: w.CONTENT,
  size_bytes: 3,
  chunk_hashes: Buffer.alloc(32),
  created_at: w.AT,
}

export const calls: Calls = {
  ...deploymentCalls,
  agentUpdates: {
    all: (r) => r.all(),
    put: (r) => r.put(update),
  },
  audit: {
    insert: (r) => r.insert(w.auditRow),
    last: (r) => r.last(),
    page: {
      all: (r) => r.page(everyone, page),
      older: (r) => r.page(everyone, { ...page, before: 9 }),
      'of a user': (r) => r.page({ actorId: w.USER }, page),
      'by an actor': (r) => r.page({ ...everyone, actor: 'anna' }, page),
      'by an indexed actor': (r) => {
        r.index(10)
        r.page({ ...everyone, actor: 'anna' }, page)
        r.page({ ...everyone, actor: 'anna', q: 'vlc', since: w.AT }, page)
      },
      'of an action': (r) => r.page({ ...everyone, action: 'deployment.created' }, page),
      'about a device': (r) =>
        r.page({ ...everyone, deviceId: w.DEVICE, deploymentsOfDevice: [w.RUNNING] }, page),
      'about a deployment': (r) => r.page({ ...everyone, deploymentId: w.RUNNING }, page),
      'with a text': (r) => {
        r.index(10)
        r.page({ ...everyone, q: 'vlc' }, page)
        r.page({ ...everyone, q: 'v' }, page)
      },
      'from an offset': (r) => r.page(everyone, { limit: 10, offset: 1 }),
      'of a time': (r) => r.page({ ...everyone, since: w.AT, until: w.LATER }, page),
    },
    index: (r) => r.index(1),
    facets: { all: (r) => r.facets(null), 'of a user': (r) => r.facets(w.USER) },
    rowsAfter: (r) => r.rowsAfter(0, 9, 10),
    headsAfter: (r) => r.headsAfter(0, 10),
    headsOver: (r) => r.headsOver(1, 2),
    lastSealed: (r) => r.lastSealed(),
    insertHead: (r) => r.insertHead({ at: w.AT, entry_id: 1, hash: 'h', signature: 's' }),
  },
  content: {
    sizeBytes: (r) => r.sizeBytes(w.CONTENT),
    chunkHashes: (r) => r.chunkHashes(w.CONTENT),
    stored: (r) => r.stored(w.CONTENT),
    keep: (r) => r.keep(content),
    setDamaged: (r) => r.setDamaged(w.CONTENT, null),
    // An installer still uses it, so SQLite refuses to remove it; the statement is the same.
    remove: (r) => expectRefusal(() => r.remove(w.CONTENT)),
    all: (r) => r.all(),
    unused: (r) => r.unused(),
    isUsed: (r) => r.isUsed(w.CONTENT),
  },
  devices: {
    sharedHardware: (r) => r.sharedHardware(),
    predecessors: (r) => r.predecessors(w.DEVICE),
    idsByName: { all: (r) => r.idsByName(null), 'of a user': (r) => r.idsByName(w.USER) },
    byId: (r) => r.byId(w.DEVICE),
    counts: (r) => r.counts(),
    byKey: (r) => r.byKey('PC-1'),
    byIds: (r) => r.byIds([w.DEVICE]),
    chosen: (r) => r.chosen([w.DEVICE]),
    ownedBy: (r) => r.ownedBy(w.USER),
    idsOwnedBy: (r) => r.idsOwnedBy(w.USER),
    lastSeen: (r) => r.lastSeen(),
    transfer: (r) => r.transfer(w.USER, w.OTHER_USER, 10),
    insert: (r) => r.insert(w.deviceRow('PC-4')),
    update: {
      other: (r) => r.update(w.DEVICE, { address: null }),
      renamed: (r) => r.update(w.DEVICE, { name: 'PC-5', name_given: true }),
    },
    deleteUnused: (r) => r.deleteUnused(w.UNUSED_DEVICE),
    setFacts: (r) => r.setFacts(w.DEVICE, facts, null, w.AT),
    touch: (r) => r.touch(w.DEVICE, w.AT),
    takeSequence: (r) => r.takeSequence(w.DEVICE),
    raiseSequence: (r) => r.raiseSequence(w.DEVICE, 1),
    agentVersions: (r) => r.agentVersions(0, 10),
    leftovers: (r) => r.leftovers(),
    hardwareOf: (r) => r.hardwareOf(w.DEVICE),
    setHardware: (r) => r.setHardware(w.DEVICE, [{ hardware_id: 'b', role: 'owner' }]),
    waitingCopies: (r) => r.waitingCopies(w.DEVICE),
    namesLike: (r) => r.namesLike('PC'),
    groupIds: (r) => r.groupIds([w.DEVICE]),
  },
  enrollment: {
    insert: (r) => r.insert(w.codeRow('another')),
    list: (r) => r.list(),
    byId: (r) => r.byId(w.CODE),
    byHash: (r) => r.byHash('code'),
    use: (r) => r.use(w.CODE, w.AT),
    moveExpiry: (r) => r.moveExpiry(1),
    revokeAll: (r) => r.revokeAll(w.AT),
    countOpen: (r) => r.countOpen(w.USER, w.AT),
    keepCreatorName: (r) => r.keepCreatorName(w.USER, 'anna'),
    nameOf: (r) => r.nameOf(w.USER),
    transfer: (r) => r.transfer(w.USER, w.OTHER_USER),
    revokeOf: (r) => r.revokeOf(w.USER, w.AT),
    revoke: (r) => r.revoke(w.CODE, w.AT),
  },
  groups: {
    list: (r) => r.list(),
    byId: (r) => r.byId(w.GROUP),
    byName: (r) => r.byName('Lab'),
    countOf: (r) => r.countOf(w.USER),
    transfer: (r) => r.transfer(w.USER, w.OTHER_USER),
    insert: (r) => r.insert(w.groupRow('Office')),
    rename: (r) => r.rename(w.GROUP, 'Office'),
    countChange: (r) => r.countChange([w.GROUP]),
    ofDevice: (r) => r.ofDevice(w.DEVICE),
    remove: (r) => r.remove(w.GROUP),
    members: (r) => r.members([w.GROUP]),
    setMembers: (r) => r.setMembers(w.GROUP, [w.DEVICE]),
    addMembers: (r) => r.addMembers(w.GROUP, [w.DEVICE]),
    removeMembers: (r) => r.removeMembers(w.GROUP, [w.DEVICE]),
  },
  inventory: {
    hashOf: (r) => r.hashOf(w.DEVICE),
    byDevice: (r) => r.byDevice(w.DEVICE),
    inventoryOf: (r) => {
      r.save(w.DEVICE, 'h', inventoryOf({ vlc: '3' }), w.AT)
      return r.inventoryOf(r.byDevice(w.DEVICE)!)
    },
    touch: (r) => r.touch(w.DEVICE, w.AT),
    save: (r) => r.save(w.DEVICE, 'h', inventoryOf({ vlc: '3' }), w.AT),
    forget: (r) => {
      r.save(w.DEVICE, 'h', inventoryOf({ vlc: '3' }), w.AT)
      r.forget(w.DEVICE)
    },
    titles: (r) => {
      r.save(w.DEVICE, 'h', inventoryOf({ vlc: '3' }), w.AT)
      r.index(10)
      r.titles('vlc', null)
      r.titles('v', null)
    },
    devicesWith: (r) => r.devicesWith(1),
    index: (r) => {
      r.save(w.DEVICE, 'h', inventoryOf({ vlc: '3' }), w.AT)
      r.index(10)
    },
    reports: (r) => r.reports(0, 10),
    removed: (r) => r.removed(),
  },
  requests: {
    find: (r) => r.find(w.USER, 'r'),
    insert: (r) => r.insert(answered),
    prune: (r) => r.prune(w.USER, 10, 1),
    moveTimes: (r) => r.moveTimes(1, 1),
  },
  settings: {
    list: (r) => r.list(),
    version: (r) => r.version(),
    setVersion: (r) => r.setVersion(1),
    put: (r) => r.put({ name: 'work_on_battery', value: 'true' }),
  },
  software: {
    list: (r) => r.list(),
    byIds: (r) => r.byIds([w.SOFTWARE]),
    installersOf: (r) => r.installersOf(w.SOFTWARE),
    countShownTo: { all: (r) => r.countShownTo(null), 'a user': (r) => r.countShownTo(w.USER) },
    countOf: (r) => r.countOf(w.USER),
    transfer: (r) => r.transfer(w.USER, w.OTHER_USER, 'anna'),
    insert: (r) => r.insert(w.softwareRow('GIMP')),
    insertInstaller: (r) => r.insertInstaller({ ...w.installerRow, arch: 'arm64' }),
    countChange: (r) => r.countChange(w.SOFTWARE),
    update: (r) => r.update(w.SOFTWARE, { name: 'VLC 3' }),
    updateInstaller: (r) => r.updateInstaller(w.INSTALLER, { kind: 'sh' }),
    updateInstallersOf: (r) => r.updateInstallersOf(w.SOFTWARE, { kind: 'sh' }),
    withFile: (r) => r.withFile(w.CONTENT),
    installer: (r) => r.installer(w.INSTALLER),
    maybeUnsealed: (r) => r.maybeUnsealed(),
    fetched: (r) => r.fetched(),
    fetching: (r) => r.fetching(),
    lastFetched: {
      any: (r) => r.lastFetched({ download_url: 'https://example.org/a.msi' }, w.USER),
      one: (r) =>
        r.lastFetched({ download_url: 'https://example.org/a.msi', sha256: w.CONTENT }, w.USER),
    },
  },
  users: {
    count: (r) => r.count(),
    countActiveAdmins: (r) => r.countActiveAdmins(),
    list: (r) => r.list(),
    byId: (r) => r.byId(w.USER),
    withName: (r) => r.withName('anna'),
    insert: (r) => r.insert(w.userRow('carla')),
    update: (r) => r.update(w.USER, { last_login_at: w.AT }),
    remove: (r) => r.remove(w.OTHER_USER),
    markRemoved: (r) => r.markRemoved(w.OTHER_USER, w.USER, w.AT),
    removed: (r) => r.removed(),
    isNameOfRemoved: (r) => r.isNameOfRemoved('anna'),
    replaceSuccessor: (r) => r.replaceSuccessor(w.OTHER_USER, w.USER),
    sessionCounts: (r) => r.sessionCounts(w.AT),
    sessionsOf: (r) => r.sessionsOf(w.USER, w.AT),
    addSession: (r) => r.addSession(w.sessionRow('second'), 10),
    sessionBySpent: (r) => r.sessionBySpent('spent'),
    rotateSession: (r) => r.rotateSession('refresh first', w.sessionRow('first'), w.AT, w.AT),
    sessionUser: (r) => r.sessionUser('first', w.AT),
    touchSession: (r) => r.touchSession('first', w.AT, '127.0.0.1'),
    endSession: (r) => r.endSession('first', w.USER),
    endSessionsOf: {
      all: (r) => r.endSessionsOf(w.USER),
      'but one': (r) => r.endSessionsOf(w.USER, 'first'),
    },
    moveExpiry: (r) => r.moveExpiry(1),
    dropExpiredSessions: (r) => r.dropExpiredSessions(w.AT),
  },
}

function expectRefusal(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if ((error as { code?: unknown }).code === 'SQLITE_CONSTRAINT_FOREIGNKEY') return
    throw error
  }
  throw new Error('it was not refused')
}
