/** The addresses under which the hub can be reached. Its port is known only once it listens. */
import { hubAddresses, type IsDefaultRoute } from '../base/lan-addresses.ts'

export type HubPlace = ReturnType<typeof createHubPlace>

/** @param wanted the requested port; 0: any free port */
export function createHubPlace(
  wanted: number,
  host: string | undefined,
  isDefaultRoute: IsDefaultRoute,
) {
  let port = wanted
  return {
    port: (): number => port,
    listensOn: (actual: number): void => void (port = actual),
    isDefaultRoute,
    /** `address:port` of this computer, the most likely to be reachable first. */
    addresses: (): string[] => hubAddresses(port, host, isDefaultRoute),
  }
}
