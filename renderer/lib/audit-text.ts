/** Audit entries as people read them. */

const DONE: Record<string, string> = {
  approve: 'approved',
  block: 'blocked',
  cancel: 'cancelled',
  create: 'created',
  delete: 'removed',
  enroll: 'enrolled',
  login: 'signed in',
  login_failed: 'sign-in refused',
  pause: 'paused',
  rename: 'renamed',
  resume: 'resumed',
  retry: 'retried',
  revoke: 'revoked',
  setup: 'set up',
  update: 'changed',
}
const WHAT: Record<string, string> = { enrollment: 'code' }
const WHOLE: Record<string, string> = {
  'device.hardware': 'Hardware of a device changed',
  'device.split': 'Copied identity split',
  'device.twin': 'Identity found on two PCs',
  'software.add_installer': 'Installer added',
  'software.update_installer': 'Installer corrected',
}

/** `deployment.cancel` → "Deployment cancelled". An action of another version is shown as it is, without its dots. */
export function actionInWords(action: string): string {
  if (Object.hasOwn(WHOLE, action)) return WHOLE[action] ?? action
  const [what = '', verb = ''] = action.split('.')
  const words = Object.hasOwn(DONE, verb)
    ? `${Object.hasOwn(WHAT, what) ? WHAT[what] : what} ${DONE[verb]}`
    : action.replace(/[._]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A change that was recorded as JSON, as "version: 2, publisher: VideoLAN"; anything else as it is. */
export function detailsInWords(details: string): string {
  const start = details.indexOf('{')
  if (start < 0) return details
  try {
    const change: unknown = JSON.parse(details.slice(start))
    const parts = Object.entries(change as object).map(
      ([key, value]: [string, unknown]) =>
        `${key.replaceAll('_', ' ')}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    return details.slice(0, start) + parts.join(', ')
  } catch {
    return details
  }
}
