/** Where the hub is reached: the port is known once it listens. */
import { hubAddresses } from '../base/lan-addresses.ts'

export type HubPlace = ReturnType<typeof createHubPlace>

/** @param wanted the port asked for; 0: any free one */
export function createHubPlace(
  wanted: number,
  host: string | undefined,
  isDefaultRoute: Parameters<typeof hubAddresses>[2],
) {
  let port = wanted
  return {
    port: (): number => port,
    listensOn: (actual: number): void => void (port = actual),
    /** `address:port` of this computer, the best first. */
    addresses: (): string[] => hubAddresses(port, host, isDefaultRoute),
  }
}
