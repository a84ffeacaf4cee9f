/**
 * How the hub advertises itself on the LAN (mDNS, DNS-SD). An advertisement is only a hint, because anyone on the network can
 * send one: the agent verifies the key of the connection itself.
 */
import { z } from 'zod'
import { Fingerprint } from '../../domain/ids.ts'

/** `_deployx._tcp` */
export const DISCOVERY_TYPE = 'deployx'
export const DISCOVERY_PROTOCOL = 'tcp'
export const MDNS_PORT = 5353
export const MDNS_ADDRESS = '224.0.0.251'
export const MDNS_ADDRESS_V6 = 'ff02::fb'

/** The TXT record beside the service. */
export const DiscoveryText = z.object({ v: z.literal('1'), key: Fingerprint })
export type DiscoveryText = z.infer<typeof DiscoveryText>
