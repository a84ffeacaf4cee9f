/** What a deployment does, where a person would otherwise take a removal for an installation. Pure. */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { lookOfDeployment } from '../../ui/lib/states.ts'

export const isRemoval = ({ action }: Pick<Deployment, 'action'>): boolean => action === 'uninstall'

/** "7-Zip 24.08, VLC 3.0.21", "Remove 7-Zip 24.08": whatever a person has called it. */
export const whatInWords = (d: Pick<Deployment, 'action' | 'software_names'>): string =>
  (isRemoval(d) ? 'Remove ' : '') + d.software_names.join(', ')

/** Its state in one line of text, where there is no room for a mark: "Completed", "Removal, completed". */
export function stateInWords(d: Parameters<typeof lookOfDeployment>[0]): string {
  const { label } = lookOfDeployment(d)
  return isRemoval(d) && label !== 'Removing' ? `Removal, ${label.toLowerCase()}` : label
}
