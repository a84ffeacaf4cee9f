/** Packed reports from agents: hostile until parsed, and limited in size. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { UNPACKED_LIMIT_BYTES } from '#shared/contract/inventory.ts'
import { InventoryDelta } from '#shared/domain/inventory.ts'

const gunzipAsync = promisify(gunzip)

/** @returns null if it is too large, cannot be unpacked, or is not a report */
export async function unpack(packed: string): Promise<InventoryDelta | null> {
  try {
    const bytes = Buffer.from(packed, 'base64')
    const json = await gunzipAsync(bytes, { maxOutputLength: UNPACKED_LIMIT_BYTES })
    return InventoryDelta.safeParse(JSON.parse(json.toString('utf8'))).data ?? null
  } catch {
    return null
  }
}
