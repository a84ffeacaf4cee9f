/**
 * Statements that may read or sort the whole of a growing table, by the repository's function, each with a reason. A new entry
 * needs a reason why no index helps. Remove an entry once its statement no longer needs it.
 */

const WHOLE = 'needs every row'
const ONE_PARENT = 'sorts the rows of one deployment, device, target or user, found by an index'
const TO_LIMIT = 'reads in the order of the key and stops at the limit'
const COUNT = 'counts all rows for the total'
const SEARCH = 'searches a part of a text, which no index helps'
const AT_START = 'once per start'
const CLOCK = 'once when the clock was set, or at a start'
const BY_HAND = 'a rare action of an administrator'
const REFUSED_DEVICE = 'a foreign key, when a device that waits for approval is refused'
const FEW = 'sorts a few rows, found by an index'

// To be solved by an index or another statement; frequent ones first.
const NO_INDEX = 'no index yet'

export const KNOWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'deployments.countOf': { 'SCAN deployments': NO_INDEX },
  'deployments.deploymentsUsingInstaller': { 'SCAN deployment_targets by index': NO_INDEX },
  'deployments.endedSince (all)': {
    'SCAN deployment_targets': NO_INDEX,
    'SORT deployment_targets': 'groups by state',
  },
  'deployments.endedSince (of an owner)': {
    'SCAN deployments': NO_INDEX,
    'SORT deployment_targets': 'groups by state',
  },
  'deployments.handOver': { 'SCAN deployments': BY_HAND },
  'deployments.page (of an owner)': { 'SCAN deployments': NO_INDEX },
  'deployments.statusCounts (of an owner)': { 'SCAN deployments by index': NO_INDEX },
  'audit.facets (all)': {
    'SCAN audit_log by index': 'reads the whole index for a few distinct values',
  },
  'audit.facets (of a user)': { 'SCAN audit_log by index': NO_INDEX },
  'audit.headsOver': { 'SCAN audit_heads': NO_INDEX },
  'audit.page (of a time)': { 'SCAN audit_log': NO_INDEX },
  'audit.page (of a user)': { 'SCAN audit_log': NO_INDEX },
  'devices.counts': { 'SCAN devices': COUNT },
  'devices.ownedBy': { 'SCAN devices': NO_INDEX },
  'devices.predecessors': { 'SCAN devices': NO_INDEX },
  'devices.waitingCopies': { 'SCAN devices': NO_INDEX },
  'enrollment.countOpen': { 'SCAN enrollments': NO_INDEX },
  'inventory.having': {
    'SCAN device_software by index': 'reads every installed program, not every title',
    'SORT device_software': 'orders what it found by name',
  },
  'signing.check': { 'SCAN installers': NO_INDEX },
  'software.countOf': { 'SCAN software': NO_INDEX },

  'agentUpdates.all': { 'SCAN agent_updates': WHOLE },
  'audit.last': { 'SCAN audit_log': TO_LIMIT },
  'audit.lastSealed': { 'SCAN audit_heads': TO_LIMIT },
  'audit.page (about a device)': { 'SORT audit_log': ONE_PARENT },
  'audit.page (all)': { 'SCAN audit_log': TO_LIMIT, 'SCAN audit_log by index': COUNT },
  'audit.page (older)': { 'SCAN audit_log by index': COUNT },
  'audit.page (with a text)': { 'SCAN audit_log': SEARCH },
  'audit.readLog': { 'SCAN audit_heads': WHOLE, 'SCAN audit_log': WHOLE },
  'check.listContents': { 'SCAN contents by index': WHOLE },
  'clock.extendTo': { 'SCAN deployment_targets': CLOCK },
  'clock.shift': { 'SCAN deployment_targets': CLOCK },
  'content.all': { 'SCAN contents': WHOLE },
  'content.unnamed': { 'SCAN contents by index': WHOLE },
  'deployments.activeIds': { 'SORT deployments': FEW },
  'deployments.allTargets': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.attemptsOf': { 'SORT deployment_attempts': ONE_PARENT },
  'deployments.deploymentsWaitingFor': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.forgetOffers': { 'SCAN deployment_targets': AT_START },
  'deployments.idsOfDevice': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.needsWithin': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.openTargets': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.packagesOf': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.page (all)': { 'SCAN deployments': TO_LIMIT, 'SCAN deployments by index': COUNT },
  'deployments.page (with a text)': { 'SCAN deployments': SEARCH },
  'deployments.statusCounts (all)': { 'SCAN deployments by index': COUNT },
  'deployments.views (all)': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.views (some)': { 'SORT deployment_targets': FEW },
  'devices.agentVersions': { 'SCAN devices': WHOLE },
  'devices.deleteUnused': {
    'SCAN device_restarts by index': REFUSED_DEVICE,
    'SCAN devices': REFUSED_DEVICE,
  },
  'devices.groupIds (all)': { 'SCAN device_group_members': WHOLE },
  'devices.handOver': { 'SCAN devices': BY_HAND },
  'devices.hardwareOf': { 'SORT device_hardware': ONE_PARENT },
  'devices.list': { 'SCAN devices': WHOLE, 'SORT devices': WHOLE },
  'devices.namesLike': { 'SCAN devices': SEARCH },
  'enrollment.handOver': { 'SCAN enrollments': BY_HAND },
  'enrollment.list': { 'SCAN enrollments': TO_LIMIT },
  'enrollment.moveExpiry': { 'SCAN enrollments': CLOCK },
  'enrollment.nameMaker': { 'SCAN enrollments': BY_HAND },
  'enrollment.revokeAll': { 'SCAN enrollments': BY_HAND },
  'enrollment.revokeOf': { 'SCAN enrollments': BY_HAND },
  'inventory.devices': { 'SCAN device_inventory': WHOLE },
  'inventory.reports': { 'SCAN device_inventory': WHOLE },
  'requests.prune': { 'SORT answered_requests': ONE_PARENT },
  'restarts.counts': { 'SORT device_restarts': ONE_PARENT },
  'software.fetched': { 'SCAN installers': 'when a stored file turns out to be damaged' },
  'software.fetching': { 'SCAN installers': AT_START },
  'software.handOver': { 'SCAN software': BY_HAND },
  'software.list': { 'SCAN software': WHOLE, 'SORT installers': WHOLE, 'SORT software': WHOLE },
  'software.maybeUnsealed': { 'SCAN installers': AT_START },
  'software.withFile': { 'SORT installers': FEW },
  'users.remove': {
    'SCAN deployments': BY_HAND,
    'SCAN devices': BY_HAND,
    'SCAN enrollments': BY_HAND,
    'SCAN software': BY_HAND,
  },
}
