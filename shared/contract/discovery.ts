/**
 * How the hub makes itself known on the LAN (mDNS, DNS-SD). Whatever is heard there is a hint and no more: anybody on the
 * network can say it, so an agent believes the key that the connection itself shows, never the announcement.
 */
import { z } from 'zod'
import { Fingerprint } from '../domain/ids.ts'

/** `_deployx._tcp` */
export const DISCOVERY_TYPE = 'deployx'
export const DISCOVERY_PROTOCOL = 'tcp'
export const MDNS_PORT = 5353
export const MDNS_ADDRESS = '224.0.0.251'

/** The TXT record beside the service. */
export const DiscoveryText = z.object({ v: z.literal('1'), key: Fingerprint })
export type DiscoveryText = z.infer<typeof DiscoveryText>
