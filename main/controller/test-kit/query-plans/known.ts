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
  'audit.headsOver': { 'SORT audit_heads': FEW },
  'devices.counts': { 'SCAN devices': COUNT },
  'signing.check': { 'SCAN installers': NO_INDEX },

  'agentUpdates.all': { 'SCAN agent_updates': WHOLE },
  'audit.last': { 'SCAN audit_log': TO_LIMIT },
  'audit.lastSealed': { 'SCAN audit_heads': TO_LIMIT },
  'audit.page (from an offset)': { 'SCAN audit_log': TO_LIMIT },
  'audit.page (about a device)': { 'SORT audit_log': ONE_PARENT },
  'audit.readLog': { 'SCAN audit_heads': WHOLE, 'SCAN audit_log': WHOLE },
  'check.listContents': { 'SCAN contents by index': WHOLE },
  'check.listSealed': { 'SCAN installers': WHOLE },
  'content.all': { 'SCAN contents': WHOLE },
  'content.unused': { 'SCAN contents by index': WHOLE },
  'deployments.activeIds': { 'SORT deployments': FEW },
  'deployments.allTargets': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.attemptsOf': { 'SORT deployment_attempts': ONE_PARENT },
  'deployments.deploymentsWaitingFor': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.idsOfDevice': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.needsWithin': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.openTargets': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.packagesOf': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.page (all)': { 'SCAN deployments': TO_LIMIT },
  'deployments.views (all)': { 'SORT deployment_targets': ONE_PARENT },
  'deployments.views (some)': { 'SORT deployment_targets': FEW },
  'devices.deleteUnused': {
    'SCAN device_restarts by index': REFUSED_DEVICE,
  },
  'devices.hardwareOf': { 'SORT device_hardware': ONE_PARENT },
  'devices.lastSeen': { 'SCAN devices': WHOLE },
  'devices.idsByName (all)': { 'SCAN devices': WHOLE, 'SORT devices': WHOLE },
  'devices.idsByName (of a user)': { 'SORT devices': ONE_PARENT },
  'devices.namesLike': { 'SCAN devices': SEARCH },
  'enrollment.list': { 'SCAN enrollments': TO_LIMIT },
  'enrollment.moveExpiry': { 'SCAN enrollments': CLOCK },
  'enrollment.revokeAll': { 'SCAN enrollments': BY_HAND },
  'requests.moveTimes': { 'SCAN answered_requests': CLOCK },
  'requests.prune': { 'SORT answered_requests': ONE_PARENT },
  'restarts.counts': { 'SORT device_restarts': ONE_PARENT },
  'software.countShownTo (a user)': { 'SCAN software by index': COUNT },
  'software.countShownTo (all)': { 'SCAN software by index': COUNT },
  'software.fetched': { 'SCAN installers': 'when a stored file turns out to be damaged' },
  'software.fetching': { 'SCAN installers': AT_START },
  'software.list': {
    'SCAN software by index': WHOLE,
    'SORT installers': WHOLE,
    'SORT software': WHOLE,
  },
  'software.maybeUnsealed': { 'SCAN installers': AT_START },
  'software.withFile': { 'SORT installers': FEW },
}
