/** What a deployment does, in places where a removal could be mistaken for an installation. Pure. */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { lookOfDeployment } from '../../ui/lib/states.ts'
import { t } from './texts.ts'

export const isRemoval = ({ action }: Pick<Deployment, 'action'>): boolean => action === 'uninstall'

/** "7-Zip 24.08, VLC 3.0.21", "Remove 7-Zip 24.08": regardless of the deployment's name. */
export const whatInWords = (d: Pick<Deployment, 'action' | 'software_names'>): string =>
  isRemoval(d)
    ? t('removal.of', { software: d.software_names.join(', ') })
    : d.software_names.join(', ')

/** The state as plain text, where there is no room for an icon: "Completed", "Removal, completed". */
export function stateInWords(d: Parameters<typeof lookOfDeployment>[0]): string {
  const { label, tone } = lookOfDeployment(d)
  // A running removal reads "Removing".
  return isRemoval(d) && tone !== 'running'
    ? t('removal.state', { state: label.toLowerCase() })
    : label
}
