/** Signs commands with the controller's Ed25519 key, on the thread pool: the hub's loop has better things to do. */
import { sign, type KeyObject } from 'node:crypto'
import type { CommandSigner } from './sender.ts'

const signature = (text: string, key: KeyObject): Promise<string> =>
  new Promise((resolve, reject) => {
    sign(null, Buffer.from(text), key, (error, bytes) => {
      if (error) reject(error)
      else resolve(bytes.toString('base64'))
    })
  })

export const createCommandSigner =
  (key: KeyObject): CommandSigner =>
  (texts) =>
    Promise.all(texts.map((text) => signature(text, key)))
