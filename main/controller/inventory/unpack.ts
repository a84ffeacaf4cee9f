/** Packed reports of agents: hostile until they are parsed, and no larger than they may be. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { UNPACKED_LIMIT_BYTES } from '#shared/contract/inventory.ts'
import { InventoryDelta } from '#shared/domain/inventory.ts'

const gunzipAsync = promisify(gunzip)

/** @returns null for what is too large, cannot be unpacked, or is no report */
export async function unpack(packed: string): Promise<InventoryDelta | null> {
  try {
    const bytes = Buffer.from(packed, 'base64')
    const json = await gunzipAsync(bytes, { maxOutputLength: UNPACKED_LIMIT_BYTES })
    return InventoryDelta.safeParse(JSON.parse(json.toString('utf8'))).data ?? null
  } catch {
    return null
  }
}
