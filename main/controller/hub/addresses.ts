/** Under which addresses this computer can be reached on its networks. */
import { networkInterfaces } from 'node:os'

const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|vEthernet|tun|tap|utun|zt)/i

/** `HOST:PORT`, physical networks first. Loopback only when there is no network at all (and for agents on this computer). */
export function hubAddresses(port: number, boundTo: string | undefined): string[] {
  if (boundTo && boundTo !== '0.0.0.0' && boundTo !== '::') return [`${boundTo}:${port}`]
  const found = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter((a) => a.family === 'IPv4' && !a.internal && !a.address.startsWith('169.254.'))
      .map((a) => ({ address: a.address, virtual: VIRTUAL.test(name) })),
  )
  const sorted = [...found.filter((a) => !a.virtual), ...found.filter((a) => a.virtual)]
  return [...sorted.map((a) => a.address), '127.0.0.1']
    .slice(0, 8)
    .map((address) => `${address}:${port}`)
}
